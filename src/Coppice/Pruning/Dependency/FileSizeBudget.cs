using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>A most for the weight files that a pruned model is written to.</summary>
public static class FileSizeBudget
{
    // Formats begin tensors at multiples of this; where one begins hangs on the sizes before it.
    private const int Alignment = 64;

    /// <summary>The budget that keeps a model's files within a size. What they hold beside values, and how many bits each value takes, is
    /// found by writing the model once.</summary>
    /// <param name="bytes">The most.</param>
    /// <param name="dependencies">Of the model.</param>
    /// <param name="name">Name of the output, whose ending may say the format.</param>
    /// <param name="write">Writes the model as it is now to a path, and opens what is there.</param>
    public static GroupBudget Of(double bytes, DependencyGraph dependencies, string name, Func<string, IWeightStore> write)
    {
        using var folder = new TemporaryFolder();
        using var written = write(folder[name]);
        var types = written.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.DType);
        var stored = dependencies.Graph.Values.OfType<StoredValue>().Where(value => value is ParameterValue or BufferValue).ToList();
        var beside = SizeOf(written) - stored.Sum(value => BytesOf(value, value.SampleShape.Count)) + Alignment * stored.Count;
        return new(bytes, "bytes", removal => beside + stored.Sum(value => BytesOf(value, removal.CountOf(value))));

        // A model may be computed in wider numbers than it is stored in.
        long BytesOf(StoredValue value, long count) => count * types.GetValueOrDefault(value.Name, value.DType).BitSize() / 8;
    }

    /// <summary>Bytes of the weight files.</summary>
    public static long SizeOf(IWeightStore weights) => weights.WeightFiles.Sum(file => new FileInfo(file).Length);
}
