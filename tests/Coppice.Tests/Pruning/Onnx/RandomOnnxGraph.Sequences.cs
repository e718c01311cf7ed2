using Coppice.Onnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <content>Values [steps, batch, features].</content>
internal sealed partial class RandomOnnxGraph
{
    private const int Steps = 3;

    private void Sequences()
    {
        var x = Input(Steps, Batch, Between(1, 3));
        for (var blocks = Between(1, 4); blocks > 0; blocks--)
            x = Next(7) switch
            {
                < 3 => Recurrent(x),
                3 => Normalized(x),
                4 => Attention(x),
                5 => Same("Relu", x),
                _ => Linear(x, Between(2, 8)),
            };
        Output(Linear(x, 3));
    }

    /// <summary>A recurrent layer in one or two directions, and its directions side by side or added.</summary>
    private string Recurrent(string x)
    {
        var (op, gates) = Any(("RNN", 1), ("GRU", 3), ("LSTM", 4));
        var (size, direction) = (Between(2, 5), Any("forward", "reverse", "bidirectional", "bidirectional"));
        var directions = direction == "bidirectional" ? 2 : 1;
        List<string> inputs = [x, Weight(directions, gates * size, _shapes[x][2]), Weight(directions, gates * size, size)];
        if (Chance(2))
            inputs.Add(Weight(directions, 2 * gates * size));
        if (inputs.Count == 4 && Chance(2))
            inputs.AddRange(["", Weight(directions, Batch, size)]);
        List<AttributeProto> attributes = [AttributeProto.From("hidden_size", (long)size), AttributeProto.From("direction", direction)];
        if (op == "GRU")
            attributes.Add(AttributeProto.From("linear_before_reset", (long)Next(2)));
        var outputs = Apply(op, [[Steps, directions, Batch, size], [directions, Batch, size]], [.. inputs], [.. attributes]);
        if (Chance(4))
            Output(Linear(Reshaped(Permuted(outputs[1], 1, 0, 2), Batch, directions * size), 2));
        return Joined(outputs[0], directions, size);
    }

    private string Joined(string y, int directions, int size)
    {
        if (directions == 1)
            return Apply("Squeeze", [Steps, Batch, size], [y, Numbers(1)]);
        switch (Next(4))
        {
            case 0:
                return Apply("Reshape", [Steps, Batch, 2 * size], [Permuted(y, 0, 2, 1, 3), Numbers(0, 0, -1)]);
            case 1:
                return Reshaped(Permuted(y, 0, 2, 1, 3), Steps, Batch, 2 * size);
            case 2:
                var parts = Apply("Split", [[Steps, 1, Batch, size], [Steps, 1, Batch, size]], [y], AttributeProto.From("axis", 1L))
                    .Select(part => Apply("Squeeze", [Steps, Batch, size], [part, Numbers(1)])).ToArray();
                return Chance(2) ? Same("Add", parts[0], parts[1])
                    : Apply("Concat", [Steps, Batch, 2 * size], parts, AttributeProto.From("axis", 2L));
            default:
                string[] taken = [.. Enumerable.Range(0, 2)
                    .Select(d => Apply("Gather", [Steps, Batch, size], [y, Number(d)], AttributeProto.From("axis", 1L)))];
                return Apply("Concat", [Steps, Batch, 2 * size], taken, AttributeProto.From("axis", -1L));
        }
    }

    /// <summary>Heads from one matrix, taken from it by Split, by Slice or from a stacked axis; read by matrix products.</summary>
    private string Attention(string x)
    {
        var (features, heads, size) = (_shapes[x][2], Between(1, 3), Between(1, 4));
        var width = heads * size;
        var all = Linear(Permuted(x, 1, 0, 2), 3 * width);   // [B, T, 3 H D]
        string[] parts;
        switch (Next(3))
        {
            case 0:
                int[] each = [Batch, Steps, width];
                parts = [.. Apply("Split", [each, each, each], [all, Numbers(width, width, width)], AttributeProto.From("axis", 2L)).Select(Heads)];
                break;
            case 1:
                parts = [.. Enumerable.Range(0, 3).Select(i => Heads(Apply("Slice", [Batch, Steps, width],
                    [all, Numbers(i * width), Numbers((i + 1) * width), Numbers(2)])))];
                break;
            default:
                var stacked = Permuted(Reshaped(all, Batch, Steps, 3, heads, size), 2, 0, 3, 1, 4);
                parts = [.. Enumerable.Range(0, 3).Select(i => Apply("Gather", [Batch, heads, Steps, size], [stacked, Number(i)],
                    AttributeProto.From("axis", 0L)))];
                break;
        }
        int[] square = [Batch, heads, Steps, Steps];
        var scores = Apply("Softmax", square, [Apply("MatMul", square, [Same("Mul", parts[0], Scalar(0.5f)), Permuted(parts[1], 0, 1, 3, 2)])]);
        var mixed = Permuted(Apply("MatMul", [Batch, heads, Steps, size], [scores, parts[2]]), 0, 2, 1, 3);
        var y = Linear(Reshaped(mixed, Batch, Steps, width), features);
        return Same("Add", Permuted(y, 1, 0, 2), x);

        string Heads(string part) => Permuted(Reshaped(part, Batch, Steps, heads, size), 0, 2, 1, 3);
    }
}
