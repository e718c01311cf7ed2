using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Cli.Structural;

/// <summary>A most for the weight files of a pruned model.</summary>
/// <param name="bytes">The most.</param>
/// <param name="name">Name of the output, whose ending may say the format.</param>
internal sealed class SizeTarget(double bytes, string name)
{
    // Formats begin tensors at multiples of this; where one begins hangs on the sizes before it.
    private const int Alignment = 64;

    /// <summary>The budget that keeps a model's files within it. What a file holds beside its values is found by writing the model once.</summary>
    public GroupBudget BudgetOf(OpenedModel model, SaveOptions options)
    {
        var stored = model.Dependencies.Graph.Values.OfType<StoredValue>().Where(value => value is ParameterValue or BufferValue).ToList();
        var beside = WrittenSize(model, options) - stored.Sum(value => BytesOf(value, value.SampleShape.Count)) + Alignment * stored.Count;
        return new(bytes, "bytes", removal => beside + stored.Sum(value => BytesOf(value, removal.CountOf(value))));
    }

    /// <summary>Refuses what was written if it is larger after all.</summary>
    /// <exception cref="PruningException">It is.</exception>
    public void Check(string output)
    {
        if (SizeOf(output) is var size && size > bytes)
            throw new PruningException($"{output} was written, but takes {Reports.Bytes(size)}, not at most {Reports.Bytes((long)bytes)}: ask "
                + "for less.");
    }

    private long WrittenSize(OpenedModel model, SaveOptions options)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-");
        try
        {
            var path = Path.Combine(folder.FullName, name);
            model.Prune(new Removal(model.Dependencies), path, options, seed: 0);
            return SizeOf(path);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static long SizeOf(string path)
    {
        using var checkpoint = Weights.Open(path);
        return checkpoint.WeightFiles.Sum(file => new FileInfo(file).Length);
    }

    private static long BytesOf(StoredValue value, long count) => count * value.Tensor.DType.BitSize() / 8;
}
