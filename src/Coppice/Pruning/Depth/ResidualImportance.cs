using System.Numerics.Tensors;
using Coppice.Graphs;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;
using Tensor = Coppice.Tensors.Tensor;
using TensorScope = Coppice.Tensors.TensorScope;

namespace Coppice.Pruning.Depth;

/// <summary>How much residual blocks change what runs through them.</summary>
public static class ResidualImportance
{
    /// <summary>1 - the mean cosine of x and y = x + f(x): block influence (Men et al. 2024, ShortGPT). Compared are tokens where y has three
    /// axes [B, T, C], else whole examples, the first axis being the batch.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="blocks">Blocks of it.</param>
    /// <param name="inputs">Sets of the graph's inputs, each in its order; at least one.</param>
    /// <returns>A score in 0..2 for each block; the lower, the less it does.</returns>
    /// <exception cref="PruningException">There are no inputs, or what is compared is not finite.</exception>
    public static double[] Influence(Graph graph, IReadOnlyList<ResidualBlock> blocks, IEnumerable<IReadOnlyList<Tensor>> inputs)
    {
        using var paused = Tape.Pause();
        var (cosines, rows) = (new double[blocks.Count], new long[blocks.Count]);
        foreach (var given in inputs)
        {
            using var scope = new TensorScope();
            Watch(graph, blocks, given, (block, x, y) =>
            {
                var width = y.Shape.Rank switch { 0 => 1, 3 => y.Shape[2], _ => y.Count / Math.Max(y.Shape[0], 1) };
                for (var start = 0L; width > 0 && start < y.Count; start += width, rows[block]++)
                    cosines[block] += Cosine(Row(x, start, width), Row(y, start, width));
            });
        }
        if (!Array.TrueForAll(rows, count => count > 0) || !Array.TrueForAll(cosines, double.IsFinite))
            throw new PruningException("Blocks can't be scored: there are no calibration inputs, or what the model computes is not finite.");
        return [.. cosines.Zip(rows, (sum, count) => 1 - sum / count)];
    }

    /// <summary>Shows what each block reads and makes.</summary>
    private static void Watch(Graph graph, IReadOnlyList<ResidualBlock> blocks, IReadOnlyList<Tensor> inputs, Action<int, Tensor, Tensor> see)
    {
        var sums = blocks.Index().ToDictionary(entry => entry.Item.Sum.Producer, entry => entry.Index);
        var skips = blocks.Select(block => block.Skip).ToHashSet();
        var read = new Dictionary<Value, Tensor>();
        GraphModule.Run(graph, inputs, compute: (node, op, given) =>
        {
            foreach (var (value, tensor) in node.Inputs.Zip(given))
                if (skips.Contains(value))
                    read[value] = tensor;
            var outputs = Op.Apply(op, given);
            if (sums.TryGetValue(node, out var block))
                see(block, Floats(read[blocks[block].Skip]), Floats(outputs[0]));
            return outputs;
        });
    }

    private static Tensor Floats(Tensor tensor) => tensor.Cast(Coppice.Tensors.DType.F32).Contiguous();

    private static ReadOnlySpan<float> Row(Tensor tensor, long start, long width) =>
        tensor.AsReadOnlySpan<float>().Slice((int)start, (int)width);

    /// <summary>Of nothing and nothing 1, of nothing and something 0.</summary>
    private static double Cosine(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double a = TensorPrimitives.Norm(x), b = TensorPrimitives.Norm(y);
        return a == 0 || b == 0 ? a == b ? 1 : 0 : TensorPrimitives.Dot(x, y) / (a * b);
    }
}
