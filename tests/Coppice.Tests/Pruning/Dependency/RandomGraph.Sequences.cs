using Coppice.Graphs;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

/// <content>Values [batch, tokens, features].</content>
internal sealed partial class RandomGraph
{
    private void Sequences()
    {
        Value x;
        if (Chance(2))
        {
            var table = Weight(7, Channels());
            x = Apply(new Embedding(), Ids(4, 7), table);
            if (Chance(3)) // an output layer tied to the table
            {
                Output(Apply(new Linear(), SequenceBlock(x, 0) is var y && y.SampleShape[^1] == x.SampleShape[^1] ? y : x, table));
                return;
            }
        }
        else
        {
            x = Linear(Floats(4, Between(1, 3)), Channels());
        }
        for (var blocks = Between(1, 4); blocks > 0; blocks--)
            x = x.SampleShape[1] % 2 == 0 && Chance(8) ? Merged(x) : SequenceBlock(x, 2);
        Ended(x);
    }

    private void Ended(Value x)
    {
        if (Chance(2))
            x = SequenceBlock(x, 1);
        switch (Next(8))
        {
            case 0:
                Output(x);
                break;
            case 5: // learned queries gather the tokens
                var queries = Between(2, 4);
                var weights = Apply(new Softmax(), Apply(new MatMul(), Weight(queries, x.SampleShape[2]), Transposed(x, 1, 2)));
                x = Apply(new MatMul(), weights, x);
                Output(Linear(Reshaped(x, _batch, queries * x.SampleShape[2]), 3));
                break;
            case 6:
                Output(Apply(new Mean(), Reshaped(x, _batch, x.SampleShape[1] * x.SampleShape[2])));
                break;
            case 7:
                var row = Linear(Reshaped(x, _batch, x.SampleShape[1] * x.SampleShape[2]), Channels());
                var size = row.SampleShape[1];
                row = Apply(new BatchNorm(0.1f), row, Weight(size), Weight(size), Statistic(size, 0), Statistic(size, 1));
                Output(Apply(new ArgMax(), row));
                Output(Linear(Any(row, Apply(new BatchNormTraining(0.1f), row, Weight(size), Weight(size))), 3));
                break;
            case 1:
                Output(Apply(Any<Op>(new Sum(), new Mean()), x));
                break;
            case 2: // a sum or mean over tokens
                Output(Linear(Apply(Any<Op>(new Sum(), new Mean()), Transposed(x, 1, 2)), 3));
                break;
            case 3:
                Output(Linear(Apply(new Squeeze(1), Narrow(x, 1, 0, 1)), 3));
                goto default;
            default:
                Output(Apply(Any<Op>(new Softmax(), new LogSoftmax(), new Relu()), Linear(x, 3)));
                break;
        }
    }

    /// <summary>Tokens half as many apart join as one.</summary>
    private NodeValue Merged(Value x)
    {
        var (half, features) = (x.SampleShape[1] / 2, x.SampleShape[2]);
        return Reshaped(Transposed(Reshaped(x, _batch, 2, half, features), 1, 2), _batch, half, 2 * features);
    }

    /// <summary>A block that keeps the number of tokens.</summary>
    private Value SequenceBlock(Value x, int depth)
    {
        var (tokens, features) = (x.SampleShape[1], x.SampleShape[2]);
        switch (Next(depth > 0 ? 19 : 9))
        {
            case 0:
                return Linear(x, Channels());
            case 1:
                return Activated(x);
            case 2:
                return Normalized(x);
            case 3:
                return Apply(Any<Op>(new Multiply(), new Add()), x,
                    Weight(Any<int[]>([features], [tokens, features], [1, 1, features], [1])));
            case 4: // gated feed-forward
                var hidden = Channels();
                return Linear(Apply(new Multiply(), Apply(new Silu(), Linear(x, hidden)), Linear(x, hidden)), features);
            case 5: // the same with one matrix
                var half = Channels();
                var both = Linear(x, 2 * half);
                return Linear(Apply(new Multiply(), Apply(new Silu(), Narrow(both, 2, 0, half)), Narrow(both, 2, half, half)), features);
            case 6: // low rank
                return Apply(new MatMul(), x, Apply(new MatMul(true), Weight(features, 2), Weight(Channels(), 2)));
            case 7: // one matrix both ways
                var tied = Weight(Channels(), features);
                return Apply(new MatMul(), Activated(Apply(new Linear(), x, tied)), tied);
            case 8:
                return Apply(new Pad(2, Next(3), Next(3)), x);
            case 9:
            case 10:
                return Apply(new Add(), x, Linear(SequenceBlock(x, depth - 1), features));
            case 11:
                return SplitAndJoined(x, 2, part => SequenceBlock(part, depth - 1));
            case 12 when tokens % 2 == 0: // windows
                var windows = Reshaped(x, Times(_batch, 2), tokens / 2, features);
                return Reshaped(Linear(windows, features), _batch, tokens, features);
            case 13:
                var mixed = Linear(Activated(Linear(Transposed(x, 1, 2), Channels())), tokens);
                return Apply(new Add(), Transposed(mixed, 1, 2), x);
            case 16 when features > 1: // features turned by some places
                var first = Between(1, features - 1);
                return Apply(new Add(), x, Apply(new Concat(2), Narrow(x, 2, first, features - first), Narrow(x, 2, 0, first)));
            case 15 when Chance(3):
                return Apply(Any<Op>(new Softmax(), new L2Normalize()), x);
            default:
                return SelfAttention(x);
        }
    }

    private NodeValue Normalized(Value x) => Chance(2)
        ? Apply(new LayerNorm(0.1f), x, Weight(x.SampleShape[^1]), Weight(x.SampleShape[^1]))
        : Apply(new RmsNorm(0.1f), x, Weight(x.SampleShape[^1]));

    private NodeValue Linear(Value x, int outputs)
    {
        var isOutIn = Chance(2);
        var features = x.SampleShape[^1];
        List<Value> inputs = [x, isOutIn ? Weight(outputs, features) : Weight(features, outputs)];
        if (Chance(2))
            inputs.Add(Weight(outputs));
        return Apply(new Linear(isOutIn ? WeightLayout.OutIn : WeightLayout.InOut), inputs);
    }

    private NodeValue SelfAttention(Value x)
    {
        var (tokens, features) = (x.SampleShape[1], x.SampleShape[2]);
        var (shared, repeats, size) = (Between(1, 3), Between(1, 2), 2 * Between(1, 3));
        var heads = shared * repeats;
        Value q, k, v;
        if (Chance(2))
        {
            var all = Linear(x, (heads + 2 * shared) * size);
            (q, k, v) = (Narrow(all, 2, 0, heads * size), Narrow(all, 2, heads * size, shared * size),
                Narrow(all, 2, (heads + shared) * size, shared * size));
        }
        else
        {
            (q, k, v) = (Linear(x, heads * size), Linear(x, shared * size), Linear(x, shared * size));
        }
        (q, k, v) = (Heads(q, heads), Heads(k, shared), Heads(v, shared));
        if (Chance(3))
            (q, k) = (Normalized(q), Normalized(k));
        if (Chance(3))
            (q, k) = (Rotated(q), Rotated(k));
        if (Chance(2))
            return Linear(Grouped(q, k, v), features);
        List<Value> inputs = [q, k, v];
        if (Chance(3))
            inputs.Add(Weight(1, Any(1, heads), tokens, tokens));
        return Linear(Apply(new Attention(Chance(2), 0.5f), inputs), features);
    }

    /// <summary>[B, T, H x D] -> [B, H, T, D].</summary>
    private NodeValue Heads(Value x, int heads) =>
        Transposed(Reshaped(x, _batch, x.SampleShape[1], heads, x.SampleShape[2] / heads), 1, 2);

    /// <summary>Attention of matrix products: q as [B, KV, R, T, D] against k and v as [B, KV, 1, T, D].</summary>
    private NodeValue Grouped(Value q, Value k, Value v)
    {
        var (heads, shared, tokens, size) = (q.SampleShape[1], k.SampleShape[1], q.SampleShape[2], q.SampleShape[3]);
        var scores = Apply(new MatMul(true), Reshaped(q, _batch, shared, heads / shared, tokens, size),
            Reshaped(k, _batch, shared, 1, tokens, size));
        var mixed = Apply(new MatMul(), Apply(new Softmax(), scores), Reshaped(v, _batch, shared, 1, tokens, size));
        return Reshaped(Transposed(Reshaped(mixed, _batch, heads, tokens, size), 1, 2), _batch, tokens, heads * size);
    }

    /// <summary>Rotary position embedding: halves of each head turn against each other.</summary>
    private NodeValue Rotated(Value x)
    {
        var half = x.SampleShape[3] / 2;
        if (Chance(2))
            return Apply(new RotaryEmbedding(), x, Apply(new Arange(0, x.SampleShape[2])), Statistic(half, 0));
        var turned = Apply(new Concat(3), Narrow(x, 3, half, half), Narrow(x, 3, 0, half));
        var tokens = x.SampleShape[2];
        return Apply(new Add(), Apply(new Multiply(), x, Weight(tokens, 2 * half)),
            Apply(new Multiply(), turned, Weight(tokens, 2 * half)));
    }
}
