using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Selection;

/// <summary>One tensor as inspection sees it.</summary>
/// <param name="Source">The tensor.</param>
/// <param name="Statistics">Its zeros and non-finite elements.</param>
/// <param name="WhyOut">The rule that keeps it out of the default scope; null where it is in.</param>
public sealed record InspectedTensor(TensorSource Source, TensorStatistics Statistics, string? WhyOut);

/// <summary>What is in a checkpoint, what the default scope covers, and what looks odd.</summary>
public sealed record CheckpointInspection(
    IReadOnlyList<InspectedTensor> Tensors, WeightSelection Selection, IReadOnlyList<IReadOnlyList<string>> Tied, IReadOnlyList<string> Findings)
{
    /// <summary>Elements of all tensors, tied ones once.</summary>
    public long Elements => Distinct.Sum(entry => entry.Statistics.Elements);

    /// <summary>Zeros among them.</summary>
    public long Zeros => Distinct.Sum(entry => entry.Statistics.Zeros ?? 0);

    /// <summary>Bytes of all tensors, tied ones once.</summary>
    public long Bytes => Distinct.Sum(entry => entry.Source.ByteLength);

    /// <summary>Fraction of zeros.</summary>
    public double Sparsity => Elements == 0 ? 0 : (double)Zeros / Elements;

    private IEnumerable<InspectedTensor> Distinct => Tensors.DistinctBy(entry => entry.Source.Identity);

    /// <summary>Reads every tensor once.</summary>
    /// <param name="checkpoint">What to inspect.</param>
    /// <param name="progress">Told the bytes read.</param>
    /// <param name="cancellation">Stops between tensors.</param>
    public static CheckpointInspection Of(IWeightStore checkpoint, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint));
        var reasons = selection.Excluded.ToDictionary(excluded => excluded.Name, excluded => excluded.Reason);
        var tensors = new List<InspectedTensor>();
        double done = 0;
        foreach (var tensor in checkpoint.Tensors)
        {
            cancellation.ThrowIfCancellationRequested();
            tensors.Add(new(tensor, TensorStatistics.Of(tensor), reasons.GetValueOrDefault(tensor.Name)));
            progress?.Report(done += tensor.ByteLength);
        }
        var tied = checkpoint.Tensors.GroupBy(tensor => tensor.Identity, tensor => tensor.Name)
            .Select(IReadOnlyList<string> (names) => [.. names]).Where(names => names.Count > 1);
        return new(tensors, selection, [.. tied], [.. tensors.SelectMany(FindingsOf)]);
    }

    private static IEnumerable<string> FindingsOf(InspectedTensor entry)
    {
        var (source, statistics, _) = entry;
        if (statistics.NonFinite > 0)
            yield return $"'{source.Name}' holds {statistics.NonFinite:N0} NaN or infinite of {statistics.Elements:N0} elements.";
        if (MaskedName.WeightOfOriginal(source.Name) is not null)
            yield return $"'{source.Name}' is a weight under a mask that was not made permanent; 'coppice finalize' does that.";
        if (source.Count == 0)
            yield return $"'{source.Name}' has shape {source.Shape}: no elements.";
        if (statistics.Zeros == statistics.Elements && statistics.Elements > 1 && source.DType.IsFloatingPoint() && source.Shape.Rank >= 2)
            yield return $"'{source.Name}' is all zeros.";
    }
}
