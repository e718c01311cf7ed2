using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>A most for the weight files that a pruned model is written to.</summary>
public static class FileSizeBudget
{
    // Formats begin tensors at multiples of this; where one begins hangs on the sizes before it.
    private const int Alignment = 64;

    /// <summary>The budget that keeps a model's files within a size. What they hold beside values is found by writing the model once.</summary>
    /// <param name="bytes">The most.</param>
    /// <param name="dependencies">Of the model.</param>
    /// <param name="name">Name of the output, whose ending may say the format.</param>
    /// <param name="write">Writes the model as it is now to a path, and tells the bytes of the weight files there.</param>
    public static GroupBudget Of(double bytes, DependencyGraph dependencies, string name, Func<string, long> write)
    {
        var stored = dependencies.Graph.Values.OfType<StoredValue>().Where(value => value is ParameterValue or BufferValue).ToList();
        var beside = Written(name, write) - stored.Sum(value => BytesOf(value, value.SampleShape.Count)) + Alignment * stored.Count;
        return new(bytes, "bytes", removal => beside + stored.Sum(value => BytesOf(value, removal.CountOf(value))));
    }

    private static long Written(string name, Func<string, long> write)
    {
        using var folder = new TemporaryFolder();
        return write(folder[name]);
    }

    private static long BytesOf(StoredValue value, long count) => count * value.Tensor.DType.BitSize() / 8;
}
