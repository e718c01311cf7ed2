using Coppice.Checkpoints;
using Coppice.Pruning.Selection;

namespace Coppice.Pruning.Streaming;

/// <summary>What a prune decided: every tensor as it is afterwards, and the figures.</summary>
/// <param name="Tensors">All tensors of the checkpoint, in order, the pruned ones as <see cref="MaskedTensor"/>; nothing is computed
/// until they are read.</param>
/// <param name="Weights">The weights in scope.</param>
/// <param name="Parameters">Parameters of the model, tied ones once.</param>
/// <param name="ModelZeros">Zeros among them afterwards. Parameters other than F32, F64, F16 and BF16 count as non-zero.</param>
/// <param name="Warnings">What the caller should know.</param>
public sealed record PruneResult(
    IReadOnlyList<TensorSource> Tensors, IReadOnlyList<PrunedWeight> Weights, long Parameters, long ModelZeros,
    IReadOnlyList<string> Warnings)
{
    /// <summary>Elements in scope.</summary>
    public long Elements => Weights.Sum(weight => weight.Weight.Source.Count);

    /// <summary>Elements pruned, those that were zero before included.</summary>
    public long Pruned => Weights.Sum(weight => weight.Pruned);

    /// <summary>Fraction of zeros in scope afterwards.</summary>
    public double ScopeSparsity => Elements == 0 ? 0 : (double)Weights.Sum(weight => weight.ZerosAfter) / Elements;

    /// <summary>Fraction of zeros in the whole model afterwards.</summary>
    public double ModelSparsity => Parameters == 0 ? 0 : (double)ModelZeros / Parameters;
}

/// <summary>One pruned weight with its figures.</summary>
/// <param name="Weight">Which weight.</param>
/// <param name="Mask">Which of its elements are pruned.</param>
/// <param name="Pruned">How many that is.</param>
/// <param name="ZerosBefore">Zeros before.</param>
/// <param name="ZerosAfter">Zeros afterwards, counted in what is written.</param>
public sealed record PrunedWeight(SelectedWeight Weight, WeightMask Mask, long Pruned, long ZerosBefore, long ZerosAfter)
{
    /// <summary>The magnitude below which every element went, for methods that rank magnitudes.</summary>
    public double? Threshold => (Mask as MagnitudeMask)?.Threshold;
}
