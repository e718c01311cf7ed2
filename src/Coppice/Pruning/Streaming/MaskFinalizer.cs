using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Makes the masks that were saved with a checkpoint permanent: each pair <c>X_orig</c>, <c>X_mask</c> becomes one tensor
/// <c>X</c> = original x mask, what <c>torch.nn.utils.prune.remove</c> does to a live module.</summary>
/// <remarks>
/// No model is built and no tensor held. An element under 0 becomes +0, or under torch semantics the element times 0; one under 1 keeps its
/// bits; under any other number it is multiplied in the weight's type. X stands in the place of X_orig. A tensor whose name ends in
/// <c>_mask</c> but not in <c>weight_mask</c> or <c>bias_mask</c> is a buffer of the model where it has no original, and is left alone.
/// </remarks>
public static class MaskFinalizer
{
    /// <summary>Finds the pairs and decides; the products are computed when the result's tensors are read.</summary>
    /// <param name="tensors">All tensors of a checkpoint.</param>
    /// <param name="semantics">What a masked element becomes.</param>
    /// <exception cref="PruningException">There is no pair, half of one is missing, or the two do not fit together.</exception>
    public static FinalizeResult Finalize(IReadOnlyList<TensorSource> tensors, PruneSemantics semantics = PruneSemantics.Strict)
    {
        var pairs = MaskPair.Find(tensors);
        RefuseHalves(tensors, pairs);
        if (pairs.Count == 0)
            throw new PruningException($"Nothing to finalize: none of the {tensors.Count} tensors is a weight under a left-over mask "
                + "(a pair named ..._orig and ..._mask).");
        var names = tensors.Select(tensor => tensor.Name).ToHashSet();
        foreach (var pair in pairs)
            Check(pair, names);
        // One mask object for each mask in memory keeps tied weights tied.
        var masks = pairs.GroupBy(pair => (pair.Mask.Identity, pair.Original.DType))
            .ToDictionary(group => group.Key, group => new StoredMask(group.Key.DType, semantics, group.First().Mask));
        var products = pairs.Select(pair => new MaskedTensor(pair.Original, masks[(pair.Mask.Identity, pair.Original.DType)])).ToList();
        var surveys = Survey.Take([.. products.Select(product => (product.Source, (WeightMask?)product.Mask))]);
        var changes = new Dictionary<string, IReadOnlyList<TensorSource>>();
        var weights = new List<FinalizedWeight>();
        for (var i = 0; i < pairs.Count; i++)
        {
            var finalized = new NamedTensor(pairs[i].Name, products[i]);
            changes.Add(pairs[i].Original.Name, [finalized]);
            changes.Add(pairs[i].Mask.Name, []);
            weights.Add(new FinalizedWeight(finalized, surveys[i].Pruned, surveys[i].Zeros, surveys[i].ZerosAfter));
        }
        return new FinalizeResult(weights, changes, [.. NonFinite(pairs, surveys), .. BrokenTies(tensors, pairs)]);
    }

    private static void RefuseHalves(IReadOnlyList<TensorSource> tensors, IReadOnlyList<MaskPair> pairs)
    {
        var paired = pairs.SelectMany(pair => new[] { pair.Original, pair.Mask }).ToHashSet();
        foreach (var tensor in tensors.Where(tensor => !paired.Contains(tensor)))
        {
            if (MaskedName.WeightOfOriginal(tensor.Name) is { } unmasked)
                throw Half(tensor, MaskedName.Mask(unmasked));
            if (MaskedName.WeightOfMask(tensor.Name) is { } weight
                && (weight.EndsWith("weight", StringComparison.Ordinal) || weight.EndsWith("bias", StringComparison.Ordinal)))
                throw Half(tensor, MaskedName.Original(weight));
        }
    }

    private static PruningException Half(TensorSource tensor, string missing) =>
        new($"'{tensor.Name}' has no '{missing}' beside it, so the weight can't be formed; "
            + "save the model's whole state dict.");

    private static void Check(MaskPair pair, HashSet<string> names)
    {
        if (pair.Original.Shape != pair.Mask.Shape)
            throw new PruningException($"'{pair.Original.Name}' has shape {pair.Original.Shape}, '{pair.Mask.Name}' {pair.Mask.Shape}: "
                + "they do not belong together; save the model's state dict again.");
        if (!FloatConversion.Supports(pair.Original.DType))
            throw new PruningException($"'{pair.Original.Name}' is {pair.Original.DType}; weights under a mask must be F32, F64, F16 or "
                + "BF16. Convert the checkpoint to one of them.");
        if (!StoredMask.Supports(pair.Mask.DType))
            throw new PruningException($"'{pair.Mask.Name}' is {pair.Mask.DType}, which no mask is read from; save it as F32 or Bool.");
        if (names.Contains(pair.Name))
            throw new PruningException($"'{pair.Name}' is there beside '{pair.Original.Name}', so it can't be told which of them is the "
                + "weight; remove one of them.");
    }

    private static IEnumerable<string> NonFinite(IReadOnlyList<MaskPair> pairs, Survey[] surveys)
    {
        for (var i = 0; i < pairs.Count; i++)
            if (surveys[i].NaNs + surveys[i].Infinities > 0)
                yield return $"'{pairs[i].Original.Name}' holds {surveys[i].Infinities} infinite and {surveys[i].NaNs} NaN elements.";
    }

    private static IEnumerable<string> BrokenTies(IReadOnlyList<TensorSource> tensors, IReadOnlyList<MaskPair> pairs)
    {
        var originals = pairs.Select(pair => pair.Original.Name).ToHashSet();
        return from pair in pairs
               from tensor in tensors
               where !originals.Contains(tensor.Name) && tensor.Identity.Equals(pair.Original.Identity)
               select $"'{tensor.Name}' shares the memory of '{pair.Original.Name}' but is under no mask: it keeps its values, and is "
                   + $"tied to '{pair.Name}' no longer.";
    }
}

/// <summary>What finalizing decided.</summary>
/// <param name="Weights">The weights that come out from under their masks, in the checkpoint's order.</param>
/// <param name="Changes">The same for <see cref="Checkpoint"/>'s Save: tensors in the place of each original, none for each mask.</param>
/// <param name="Warnings">What the caller should know.</param>
public sealed record FinalizeResult(
    IReadOnlyList<FinalizedWeight> Weights, IReadOnlyDictionary<string, IReadOnlyList<TensorSource>> Changes,
    IReadOnlyList<string> Warnings)
{
    /// <summary>Fraction of zeros in these weights afterwards.</summary>
    public double Sparsity => Weights.Sum(weight => weight.Source.Count) is > 0 and var count
        ? (double)Weights.Sum(weight => weight.Zeros) / count
        : 0;
}

/// <summary>One weight out from under its mask.</summary>
/// <param name="Source">The weight under its own name, of the original's type.</param>
/// <param name="Masked">Elements under a 0 of the mask.</param>
/// <param name="ZerosBefore">Zeros of the original.</param>
/// <param name="Zeros">Zeros of the product.</param>
public sealed record FinalizedWeight(TensorSource Source, long Masked, long ZerosBefore, long Zeros)
{
    /// <summary>Fraction of zeros.</summary>
    public double Sparsity => Source.Count == 0 ? 0 : (double)Zeros / Source.Count;
}
