using System.Runtime.InteropServices;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Weights of a live model that are pruned in place for a while; disposing brings back every bit.</summary>
/// <remarks>The masks are those of <c>coppice prune --method l1</c>: exact counts per tensor, ties by lowest flat index.</remarks>
internal sealed class PrunedInPlace : IDisposable
{
    private readonly List<(Tensor Data, float[] Original, WeightMask Mask)> _pruned;

    /// <summary>Prunes each weight to its ratio by magnitude.</summary>
    /// <exception cref="PruningException">A weight holds NaN, which has no magnitude. Nothing has been changed then.</exception>
    public PrunedInPlace(IEnumerable<(string Name, Parameter Weight, double Ratio)> weights)
    {
        // Whatever can fail comes before the first change.
        _pruned = [.. weights.Select(entry =>
            (entry.Weight.Data, entry.Weight.Data.ToArray<float>(), MaskOf(entry.Name, entry.Weight.Data, entry.Ratio)))];
        foreach (var (data, _, mask) in _pruned)
            mask.Apply(0, MemoryMarshal.AsBytes(data.AsSpan<float>()));
    }

    /// <summary>Puts the original values back.</summary>
    public void Dispose()
    {
        foreach (var (data, original, _) in _pruned)
            original.CopyTo(data.AsSpan<float>());
    }

    private static WeightMask MaskOf(string name, Tensor data, double ratio)
    {
        if (data.AsReadOnlySpan<float>().Contains(float.NaN))
            throw new PruningException($"'{name}' holds NaN, which has no magnitude to rank. "
                + "Repair the checkpoint, or study groups without this weight.");
        var weight = new SelectedWeight([Checkpoints.TensorSource.From(name, data)], [], InputMajor: false);
        var task = new PruneTask([weight], PruneAmount.Fraction(ratio), PruneScope.PerTensor, PruneSemantics.Strict, seed: 0);
        return new MagnitudePruning().ComputeMasks(task)[0];
    }
}
