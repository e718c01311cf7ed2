using Coppice.Checkpoints;

namespace Coppice.Evaluation;

/// <summary>Sizes of a model on disk and in numbers.</summary>
/// <param name="Bytes">Of the weight files.</param>
/// <param name="GzipBytes">Of the same, gzip-compressed; runs of zeros shrink there and nowhere else.</param>
/// <param name="Parameters">Elements of all tensors, tied ones once.</param>
/// <param name="Zeros">How many of them are zero.</param>
public sealed record CheckpointSize(long Bytes, long GzipBytes, long Parameters, long Zeros)
{
    /// <summary>Fraction of zeros.</summary>
    public double Sparsity => Parameters == 0 ? 0 : (double)Zeros / Parameters;
}

/// <summary>One tensor's zeros in both checkpoints.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Before">Statistics before; null where it is only in the other.</param>
/// <param name="After">Statistics after; null where it is only in the other.</param>
public sealed record TensorComparison(string Name, TensorStatistics? Before, TensorStatistics? After);

/// <summary>What differs between two checkpoints without running them.</summary>
public sealed record CheckpointComparison(CheckpointSize Before, CheckpointSize After, IReadOnlyList<TensorComparison> Tensors)
{
    /// <summary>Opens both and reads them once.</summary>
    public static CheckpointComparison Of(string before, string after, CancellationToken cancellation = default)
    {
        using var first = Checkpoint.Open(before);
        using var second = Checkpoint.Open(after);
        return Of(first, second, cancellation);
    }

    /// <summary>Reads both once.</summary>
    public static CheckpointComparison Of(IWeightStore before, IWeightStore after, CancellationToken cancellation = default)
    {
        var (sizeBefore, tensorsBefore) = Survey(before, cancellation);
        var (sizeAfter, tensorsAfter) = Survey(after, cancellation);
        var names = tensorsBefore.Keys.Concat(tensorsAfter.Keys.Where(name => !tensorsBefore.ContainsKey(name)));
        return new(sizeBefore, sizeAfter,
            [.. names.Select(name => new TensorComparison(name, tensorsBefore.GetValueOrDefault(name), tensorsAfter.GetValueOrDefault(name)))]);
    }

    private static (CheckpointSize, OrderedDictionary<string, TensorStatistics>) Survey(IWeightStore checkpoint, CancellationToken cancellation)
    {
        var statistics = new OrderedDictionary<string, TensorStatistics>();
        foreach (var tensor in checkpoint.Tensors.DistinctBy(tensor => tensor.Identity))
        {
            cancellation.ThrowIfCancellationRequested();
            statistics.Add(tensor.Name, TensorStatistics.Of(tensor));
        }
        var sizes = checkpoint.WeightFiles.Select(file => GzipSize.Of(file, cancellation)).ToList();
        return (new(sizes.Sum(size => size.Bytes), sizes.Sum(size => size.CompressedBytes),
            statistics.Values.Sum(s => s.Elements), statistics.Values.Sum(s => s.Zeros ?? 0)), statistics);
    }
}
