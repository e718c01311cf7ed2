using Coppice.Pruning.Masks;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Masks entries by scores until a share of the original weights is pruned.</summary>
public static class EntryPruning
{
    /// <summary>Share of the entries that is masked.</summary>
    public static double Sparsity(IReadOnlyList<LiveWeight> weights) => (double)weights.Sum(Pruned) / weights.Sum(weight => weight.Count);

    /// <summary>Masks the lowest scores among what remains, so that exactly <c>sparsity x n</c> entries, rounded to the nearest, halves to
    /// even, are masked; nothing where there are more already.</summary>
    /// <param name="sparsity">In [0, 1], of all entries, masked or not.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="scores">One tensor for each, of its shape; the highest are kept. Equal ones go by weight and lowest index.</param>
    /// <param name="scope">Whether n counts all weights together, or each.</param>
    /// <exception cref="PruningException">The sparsity is not in [0, 1], or scores of unmasked entries are NaN.</exception>
    public static void To(
        double sparsity, IReadOnlyList<LiveWeight> weights, IReadOnlyList<Tensor> scores, PruneScope scope = PruneScope.Global)
    {
        var share = PruneAmount.Fraction(sparsity);
        var all = weights.Zip(scores).ToList();
        foreach (var together in scope == PruneScope.Global ? [all] : all.ConvertAll(weight => new List<(LiveWeight, Tensor)> { weight }))
            PruneTo(share, together);
    }

    private static void PruneTo(PruneAmount share, List<(LiveWeight Weight, Tensor Scores)> weights)
    {
        var more = share.Of(weights.Sum(entry => entry.Weight.Count), "weights") - weights.Sum(entry => Pruned(entry.Weight));
        if (more <= 0)
            return;
        var scores = weights.ToDictionary(entry => (entry.Weight.Module, entry.Weight.Name), entry => entry.Scores);
        Prune.GlobalUnstructured(scores.Keys, new LowestScores(PruneAmount.Count(more)), scores);
    }

    private static long Pruned(LiveWeight weight) => weight.Parameter.Mask is { } mask ? weight.Count - BinaryMask.CountOnes(mask) : 0;
}
