using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes the tensors of a checkpoint without building a model.</summary>
public static class Pruner
{
    /// <summary>Decides which elements go. The tensors are read in pieces, never held; the pruned values come out when the result's
    /// tensors are read.</summary>
    /// <exception cref="PruningException">The request does not fit the tensors, a weight in scope holds NaN under strict semantics, or
    /// weights are under masks that were not made permanent.</exception>
    public static PruneResult Prune(WeightSelection selection, PruneRequest request)
    {
        request.Validate();
        if (MaskPair.Find(selection.Tensors) is [var masked, ..])
            throw new PruningException($"'{masked.Name}' is still under a mask ('{masked.Original.Name}' beside '{masked.Mask.Name}'). "
                + "Make it permanent first with 'coppice finalize', or prune further through the live model.");
        var weights = selection.Weights;
        if (weights.Count == 0)
            throw new PruningException("No weight is in scope. Name weights with --include; "
                + "'coppice inspect' lists them with the reasons for leaving them out.");
        foreach (var weight in weights)
            if (!FloatConversion.Supports(weight.Source.DType))
                throw new PruningException($"'{weight.Name}' is {weight.Source.DType}, which can't be pruned: F32, F64, F16 and BF16 can. "
                    + "Convert the checkpoint to one of them, or exclude the weight.");
        // Methods without an amount of their own never look at it.
        var task = new PruneTask(weights, request.Amount ?? default, request.Scope, request.Semantics, request.Seed)
        {
            OwnAmounts = OwnAmounts(weights, request.OwnAmounts),
        };
        var masks = request.Method.ComputeMasks(task);
        var surveys = Survey.Take([.. weights.Select((weight, i) => (weight.Source, (WeightMask?)masks[i]))]);
        var warnings = selection.Warnings.Concat(CheckFinite(weights, surveys, request.Semantics)).ToList();
        var pruned = weights.Zip(masks, surveys)
            .Select(w => new PrunedWeight(w.First, w.Second, w.Third.Pruned, w.Third.Zeros, w.Third.ZerosAfter)).ToList();
        var zeros = pruned.Sum(weight => weight.ZerosAfter) + ZerosOutOfScope(selection);
        return new PruneResult(Replace(selection.Tensors, pruned), pruned, selection.Parameters, zeros, warnings);
    }

    private static Dictionary<SelectedWeight, PruneAmount> OwnAmounts(
        IReadOnlyList<SelectedWeight> weights, IReadOnlyList<WeightAmount> amounts)
    {
        var own = new Dictionary<SelectedWeight, PruneAmount>();
        foreach (var (glob, amount) in amounts)
        {
            var matching = weights
                .Where(weight => weight.Aliases.Prepend(weight.Name).Any(name => NameGlob.Matches(glob, name))).ToList();
            if (matching.Count == 0)
                throw new PruningException($"'{glob}' (amount {amount}) matches none of the {weights.Count} weights in scope. "
                    + $"The nearest names are {NameGlob.Nearest(glob, weights.Select(weight => weight.Name))}.");
            foreach (var weight in matching)
                own[weight] = amount;
        }
        return own;
    }

    private static IEnumerable<string> CheckFinite(IReadOnlyList<SelectedWeight> weights, Survey[] surveys, PruneSemantics semantics)
    {
        for (var i = 0; i < weights.Count; i++)
        {
            if (surveys[i].NaNs > 0 && semantics == PruneSemantics.Strict)
                throw new PruningException($"'{weights[i].Name}' holds {surveys[i].NaNs} NaN of {weights[i].Source.Count} elements, "
                    + "which have no magnitude to rank. "
                    + "Repair the checkpoint, exclude the weight, or use torch semantics, which keep NaN longest.");
            if (surveys[i].NaNs + surveys[i].Infinities > 0)
                yield return $"'{weights[i].Name}' holds {surveys[i].Infinities} infinite and {surveys[i].NaNs} NaN elements.";
        }
    }

    private static long ZerosOutOfScope(WeightSelection selection)
    {
        var inScope = selection.Weights.SelectMany(weight => weight.Tensors).Select(tensor => tensor.Identity).ToHashSet();
        var others = selection.Tensors.Where(WeightSelector.IsParameter)
            .Where(tensor => FloatConversion.Supports(tensor.DType))
            .DistinctBy(tensor => tensor.Identity).Where(tensor => !inScope.Contains(tensor.Identity));
        return Survey.Take([.. others.Select(tensor => (tensor, (WeightMask?)null))]).Sum(survey => survey.Zeros);
    }

    private static List<TensorSource> Replace(IReadOnlyList<TensorSource> tensors, List<PrunedWeight> pruned)
    {
        var masks = new Dictionary<TensorSource, WeightMask>(ReferenceEqualityComparer.Instance);
        foreach (var weight in pruned)
            foreach (var tensor in weight.Weight.Tensors)
                masks.Add(tensor, weight.Mask);
        return [.. tensors.Select(tensor => masks.TryGetValue(tensor, out var mask) ? new MaskedTensor(tensor, mask) : tensor)];
    }
}
