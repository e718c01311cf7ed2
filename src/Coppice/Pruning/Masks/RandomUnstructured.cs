using Coppice.Pruning.Importance;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes remaining entries at random (<c>torch.nn.utils.prune.RandomUnstructured</c>).</summary>
/// <remarks>
/// Each entry takes one draw and the largest draws are pruned, so a source at the start of <c>torch.manual_seed(seed)</c>'s stream gives
/// PyTorch's own mask. Among draws that are equal (one in 2^24) the lowest flat index goes first; PyTorch leaves that open.
/// </remarks>
/// <param name="amount">Of the remaining entries.</param>
/// <param name="random">Advances by one draw per entry.</param>
public sealed class RandomUnstructured(PruneAmount amount, RandomSource random) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Unstructured;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var count = amount.Of(scores.Count, $"remaining weights of {Target}");
        if (count > 0)
            Lowest.Prune(new DrawKeys(scores.Count, DType.F32, random), defaultMask, count);
        return defaultMask;
    }
}
