using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <content>Values [batch, channels, height, width].</content>
internal sealed partial class RandomOnnxGraph
{
    private const int Side = 4;

    private void Images()
    {
        var x = Conv(Input(Batch, 2, Side, Side), Channels());
        for (var blocks = Between(2, 6); blocks > 0; blocks--)
            x = ImageBlock(x);
        if (Chance(3))
            Boxes(x);
        else if (Chance(2))
            Output(Conv(x, 2));
        else
            Output(Linear(Apply("Flatten", [Batch, _shapes[x][1]], [Apply("GlobalAveragePool", [Batch, _shapes[x][1], 1, 1], [x])]), 3));
    }

    private int Channels() => Any(2, 4, 6, 8, 12);

    private string ImageBlock(string x)
    {
        var channels = _shapes[x][1];
        switch (Next(16))
        {
            case 0:
                return Conv(x, Channels(), DivisorOf(channels));
            case 1:
                return Transposed(x, DivisorOf(channels));
            case 2:
                return Same("PRelu", x, Weight(Any<int[]>([channels, 1, 1], [1], [1, channels, 1, 1])));
            case 3:
                return Same("InstanceNormalization", x, Weight(channels), Weight(channels));
            case 4:
                return GroupNormalized(x, DivisorOf(channels));
            case 5 when channels % 2 == 0:
                return Shuffled(x, DivisorOf(channels));
            case 6 when channels % 2 == 0:
                return Halves(x);
            case 7:
                return Attended(x);
            case 8:
                return Same("Add", x, Conv(Same("Relu", Conv(x, Channels())), channels));
            case 9:
                var pixels = Permuted(Reshaped(x, Batch, channels, Side * Side), 0, 2, 1);
                return Reshaped(Permuted(Normalized(pixels), 0, 2, 1), Batch, channels, Side, Side);
            case 10:
                return Windowed(x);
            case 11:
                return Branched(x);
            case 12:
                return Apply("Concat", [Batch, 2 * channels, Side, Side], [x, Same("Relu", x)], AttributeProto.From("axis", 1L));
            case 13:
                return Conv(x, channels * Between(1, 3), channels);
            case 14:
                return Apply("LRN", _shapes[x], [x], AttributeProto.From("size", Between(1, 5)), AttributeProto.From("alpha", 0.5f));
            default:
                return Same("Sigmoid", x);
        }
    }

    private string Conv(string x, int outputs, int groups = 1)
    {
        outputs = (outputs + groups - 1) / groups * groups;
        string[] inputs = [x, Weight(outputs, _shapes[x][1] / groups, 1, 1)];
        return Apply("Conv", [Batch, outputs, Side, Side], Chance(2) ? inputs : [.. inputs, Weight(outputs)], AttributeProto.From("group", (long)groups));
    }

    private string Transposed(string x, int groups)
    {
        var each = Between(1, 3);
        string[] inputs = [x, Weight(_shapes[x][1], each, 3, 3)];
        return Apply("ConvTranspose", [Batch, each * groups, Side, Side], Chance(2) ? inputs : [.. inputs, Weight(each * groups)],
            AttributeProto.From("group", (long)groups), AttributeProto.From("pads", [1L, 1, 1, 1]));
    }

    /// <summary>As exporters before opset 18 wrote it: groups as channels of an instance normalisation.</summary>
    private string GroupNormalized(string x, int groups)
    {
        var channels = _shapes[x][1];
        var rows = Apply("Reshape", [Batch, groups, channels / groups * Side * Side], [x, Numbers(0, groups, -1)]);
        var y = Reshaped(Same("InstanceNormalization", rows, Weight(groups), Weight(groups)), Batch, channels, Side, Side);
        return Same("Add", Same("Mul", y, Weight(channels, 1, 1)), Weight(channels, 1, 1));
    }

    /// <summary>A channel shuffle by axes, or by the numbers of the channels.</summary>
    private string Shuffled(string x, int groups)
    {
        var (channels, each) = (_shapes[x][1], _shapes[x][1] / groups);
        return Chance(2)
            ? Reshaped(Permuted(Reshaped(x, Batch, groups, each, Side, Side), 0, 2, 1, 3, 4), Batch, channels, Side, Side)
            : Apply("Gather", _shapes[x], [x, Numbers(Enumerable.Range(0, channels).Select(i => i % groups * each + i / groups))],
                AttributeProto.From("axis", 1L));
    }

    /// <summary>Every second channel by steps, by numbers, or by an axis of pairs; or front and back.</summary>
    private string Halves(string x)
    {
        var half = _shapes[x][1] / 2;
        int[] shape = [Batch, half, Side, Side];
        var kind = Next(4);
        var pairs = kind == 0 ? Permuted(Reshaped(x, Batch * half, 2, Side * Side), 1, 0, 2) : "";
        string Half(int i) => kind switch
        {
            0 => Reshaped(Apply("Gather", [Batch * half, Side * Side], [pairs, Number(i)], AttributeProto.From("axis", 0L)), shape),
            1 => Apply("Slice", shape, [x, Numbers(i), Numbers(int.MaxValue), Numbers(1), Numbers(2)]),
            2 => Apply("Gather", shape, [x, Numbers(Enumerable.Range(0, half).Select(j => 2 * j + i))], AttributeProto.From("axis", 1L)),
            _ => Apply("Gather", shape, [x, Numbers(Enumerable.Range(i * half, half))], AttributeProto.From("axis", 1L)),
        };
        string[] parts = [Half(0), Conv(Half(1), Channels())];
        return Apply("Concat", [Batch, half + _shapes[parts[1]][1], Side, Side], parts, AttributeProto.From("axis", 1L));
    }

    /// <summary>Where to look from maximum and mean over the channels (Woo et al. 2018).</summary>
    private string Attended(string x)
    {
        int[] one = [Batch, 1, Side, Side];
        var axes = AttributeProto.From("axes", [1L]);
        string[] both = [Apply("ReduceMax", one, [x], axes), Apply("ReduceMean", one, [x], axes)];
        var map = Conv(Apply("Concat", [Batch, 2, Side, Side], both, AttributeProto.From("axis", 1L)), 1);
        return Same("Mul", x, Same("Sigmoid", map));
    }

    /// <summary>Windows of two by two pixels mixed by a linear layer, and put back.</summary>
    private string Windowed(string x)
    {
        var (channels, half) = (_shapes[x][1], Side / 2);
        var last = Permuted(x, 0, 2, 3, 1);
        var windows = Reshaped(Permuted(Reshaped(last, Batch, half, 2, half, 2, channels), 0, 1, 3, 2, 4, 5), Batch * half * half, 4, channels);
        var mixed = Linear(windows, Channels());
        var outputs = _shapes[mixed][2];
        var back = Permuted(Reshaped(mixed, Batch, half, half, 2, 2, outputs), 0, 1, 3, 2, 4, 5);
        return Permuted(Reshaped(back, Batch, Side, Side, outputs), 0, 3, 1, 2);
    }

    /// <summary>Branches that carry sizes. Only one is run; where the other reads the same values, nobody knows how it may shrink.</summary>
    private string Branched(string x)
    {
        var channels = _shapes[x][1];
        var (flat, sizes) = (Numbers(Batch, channels * Side * Side), Numbers(Batch, channels, Side, Side));
        AttributeProto Branch(string name, string op)
        {
            var graph = new GraphProto { Name = name };
            foreach (var (kind, inputs) in new (string, string[])[] { ("Reshape", [x, flat]), (op, [""]), ("Reshape", ["", sizes]) })
            {
                var node = new NodeProto { OpType = kind };
                node.Inputs.AddRange(inputs.Select(input => input.Length == 0 ? graph.Nodes[^1].Outputs[0] : input));
                node.Outputs.Add($"v{_names++}");
                graph.Nodes.Add(node);
            }
            graph.Outputs.Add(new() { Name = graph.Nodes[^1].Outputs[0] });
            return new() { Name = name, Type = AttributeType.Graph, Graph = graph };
        }
        AttributeProto Zeros(string name)
        {
            var graph = new GraphProto { Name = name };
            var node = new NodeProto { OpType = "ConstantOfShape" };
            node.Inputs.Add(sizes);
            node.Outputs.Add($"v{_names++}");
            graph.Nodes.Add(node);
            graph.Outputs.Add(new() { Name = node.Outputs[0] });
            return new() { Name = name, Type = AttributeType.Graph, Graph = graph };
        }
        var yes = Stored(Tensor.From<bool>([true], []));
        return Apply("If", _shapes[x], [yes], Branch("then_branch", "Relu"), Chance(2) ? Zeros("else_branch") : Branch("else_branch", "Tanh"));
    }
}
