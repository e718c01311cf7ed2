using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

/// <content>Values [batch, channels, height, width].</content>
internal sealed partial class RandomGraph
{
    private void Images()
    {
        Value x = Conv(Floats(Between(1, 3), 4, 4), Channels(), Any(1, 3));
        for (var blocks = Between(1, 5); blocks > 0; blocks--)
            x = Chance(5) ? Resized(x) : ImageBlock(x, 2);
        switch (Next(5))
        {
            case 0:
                Output(Conv(x, 2));
                break;
            case 1:
                Output(x);
                break;
            case 2:
                Output(Linear(Reshaped(x, _batch, x.SampleShape[1] * x.SampleShape[2] * x.SampleShape[3]), 3));
                break;
            case 3:
                var pooled = Apply(new AdaptiveAvgPool2d(1, 1), x);
                Output(Linear(Apply(new Squeeze(2), Apply(new Squeeze(3), pooled)), 3));
                break;
            default:
                Ended(Tokens(x));
                break;
        }
    }

    private int Channels() => Any(2, 3, 4, 6, 8, 12);

    /// <summary>A block that keeps height and width.</summary>
    private Value ImageBlock(Value x, int depth)
    {
        var channels = x.SampleShape[1];
        switch (Next(depth > 0 ? 21 : 9))
        {
            case 0:
                return Conv(x, Channels(), Any(1, 3));
            case 1:
                var groups = DivisorOf(channels);
                return Conv(x, groups * Between(1, 3), Any(1, 3), groups);
            case 2:
                return Conv(x, channels * Between(1, 2), 3, channels);
            case 3:
                return Apply(new BatchNorm(0.1f), x, Weight(channels), Weight(channels), Statistic(channels, 0), Statistic(channels, 1));
            case 4:
                return Apply(new BatchNormTraining(0.1f), x, Weight(channels), Weight(channels));
            case 5:
                return Activated(x);
            case 6:
                return Apply(Any<Op>(new Multiply(), new Add(), new Subtract()), x,
                    Weight(Any<int[]>([channels, 1, 1], [1, channels, 1, 1], [1, 1])));
            case 7:
                return Shuffled(x, DivisorOf(channels));
            case 8:
                return Apply(new Pad(1, Next(3), Next(3), Next(2)), x);
            case 9:
                return Apply(Any<Op>(new Add(), new Multiply(), new Subtract()), Conv(ImageBlock(x, depth - 1), channels), x);
            case 10:
                return Apply(new Concat(1), x, ImageBlock(x, depth - 1), ImageBlock(x, 0));
            case 11:
                return SplitAndJoined(x, 1, part => ImageBlock(part, depth - 1));
            case 12:
                return Gated(x);
            case 13: // a channel meets another one of its own axis
                return Apply(new Add(), x, Shuffled(x, DivisorOf(channels)));
            case 14: // blocks that may not fit each other
                var one = Shuffled(Conv(x, channels), DivisorOf(channels));
                return Apply(new Add(), one, Shuffled(Conv(x, channels), DivisorOf(channels)));
            case 15: // every so many
                var step = DivisorOf(channels);
                return Apply(new Slice(1, Next(step), channels / step, step), x);
            case 16:
                return Apply(new Gather(1), x, Positions(channels));
            case 17 when channels % 2 == 0: // one of each pair
                return Apply(new Gather(2), Reshaped(x, _batch, channels / 2, 2, x.SampleShape[2], x.SampleShape[3]),
                    _builder.Constant(Tensor.From<long>([Next(2)], [])));
            case 18:
                var map = Apply(new Add(), Apply(new Reduce(Any(Reduction.Max, Reduction.Min), [1]), x), Apply(new Reduce(Reduction.Mean, [1]), x));
                return Apply(new Multiply(), x, Apply(new Sigmoid(), map));
            case 19:
                return Placed(x);
            default:
                var shared = Weight(channels, channels, 1, 1);
                return Apply(new Conv2d(), Activated(Apply(new Conv2d(), x, shared)), shared);
        }
    }

    /// <summary>Channels by their numbers: shuffled, in runs, or any.</summary>
    private ConstantValue Positions(int channels)
    {
        var (groups, start) = (DivisorOf(channels), Next(channels));
        int[] indices = Next(3) switch
        {
            0 => [.. Enumerable.Range(0, channels).Select(i => i % groups * (channels / groups) + i / groups)],
            1 => [.. Enumerable.Range(start, channels - start), .. Enumerable.Range(0, Next(start + 1))],
            _ => [.. Enumerable.Range(0, channels).Select(_ => Next(channels))],
        };
        return _builder.Constant(Tensor.From<long>([.. indices.Select(index => Chance(5) ? index - channels : (long)index)], [indices.Length]));
    }

    /// <summary>Rows, or the first image, taken and put in place by their numbers.</summary>
    private NodeValue Placed(Value x)
    {
        var (channels, height, width) = (x.SampleShape[1], x.SampleShape[2], x.SampleShape[3]);
        if (Chance(3))
            return Apply(new ScatterND(Any(ScatterKind.Assign, ScatterKind.Add)), x, _builder.Constant(Tensor.Zeros([1, 1], DType.I64)),
                Narrow(Conv(x, channels), 0, 0, 1));
        var rows = _builder.Constant(Tensor.From<long>([.. Enumerable.Range(0, height).OrderBy(_ => Next(100)).Select(row => (long)row)], [height, 1]));
        var indices = _builder.Apply(new Expand(Shape.Create(new int[4])), [rows], [_batch, channels, height, width])[0];
        return Chance(2) ? Apply(new GatherElements(2), x, indices) : Apply(new ScatterElements(2), x, indices, Conv(x, channels));
    }

    private Value Resized(Value x)
    {
        var (channels, size) = (x.SampleShape[1], x.SampleShape[2]);
        if (size % 2 != 0)
            return x;
        switch (Next(4))
        {
            case 0:
                return Conv(x, Channels(), 3, stride: 2);
            case 1:
                return Apply(Any<Op>(new MaxPool2d(2, 2), new AvgPool2d(2, 2), new MaxPool2d(3, 2, 1)), x);
            case 2 when channels % 4 == 0: // pixel shuffle
                var six = Reshaped(x, _batch, channels / 4, 2, 2, size, size);
                var outside = Transposed(Transposed(six, 3, 4), 2, 3); // [B, C, H, 2, 2, W]
                return Reshaped(Transposed(outside, 4, 5), _batch, channels / 4, 2 * size, 2 * size);
            default: // space to depth
                var blocks = Reshaped(x, _batch, channels, size / 2, 2, size / 2, 2);
                var inside = Transposed(Transposed(blocks, 3, 4), 2, 4); // [B, C, 2, w, h, 2]
                return Reshaped(Transposed(inside, 3, 5), _batch, channels * 4, size / 2, size / 2);
        }
    }

    /// <summary>[B, C, H, W] -> [B, tokens, features], by pixel or by patch.</summary>
    private NodeValue Tokens(Value x)
    {
        var (channels, size) = (x.SampleShape[1], x.SampleShape[2]);
        if (size % 2 != 0 || Chance(2))
            return Transposed(Reshaped(x, _batch, channels, size * size), 1, 2);
        var patches = Transposed(Reshaped(x, _batch, channels, size / 2, 2, size / 2, 2), 3, 4); // [B, C, h, w, 2, 2]
        var last = Transposed(Transposed(patches, 1, 2), 2, 3); // [B, h, w, C, 2, 2]
        return Reshaped(Chance(2) ? last : Transposed(last, 3, 5), _batch, size * size / 4, channels * 4);
    }

    private Value Gated(Value x)
    {
        var channels = x.SampleShape[1];
        Value gate = Apply(new AdaptiveAvgPool2d(1, 1), x);
        gate = Chance(2)
            ? Conv(Activated(Conv(gate, Channels())), channels)
            : Reshaped(Linear(Activated(Linear(Reshaped(gate, _batch, channels), Channels())), channels), _batch, channels, 1, 1);
        return Apply(new Multiply(), x, Apply(new Sigmoid(), gate));
    }

    private NodeValue Shuffled(Value x, int groups)
    {
        var (channels, height, width) = (x.SampleShape[1], x.SampleShape[2], x.SampleShape[3]);
        return Reshaped(Transposed(Reshaped(x, _batch, groups, channels / groups, height, width), 1, 2), _batch, channels, height, width);
    }

    private NodeValue Conv(Value x, int outputs, int kernel = 1, int groups = 1, int stride = 1)
    {
        List<Value> inputs = [x, Weight(outputs, x.SampleShape[1] / groups, kernel, kernel)];
        if (Chance(2))
            inputs.Add(Weight(outputs));
        return Apply(new Conv2d(stride, kernel / 2, 1, groups), inputs);
    }
}
