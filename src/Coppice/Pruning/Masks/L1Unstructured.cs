using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes the remaining entries of smallest |score| (<c>torch.nn.utils.prune.L1Unstructured</c>; Han et al. 2015).</summary>
/// <remarks>
/// Equal magnitudes go by lowest flat index; PyTorch leaves that open. Under torch semantics NaN counts as the largest magnitude.
/// </remarks>
/// <param name="amount">Of the remaining entries.</param>
public sealed class L1Unstructured(PruneAmount amount) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Unstructured;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        Lowest.Prune(scores, defaultMask, amount.Of(scores.Count, $"remaining weights of {Target}"));
        return defaultMask;
    }
}
