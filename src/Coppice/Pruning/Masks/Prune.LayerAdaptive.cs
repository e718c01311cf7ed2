using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

public static partial class Prune
{
    /// <summary>Prunes several parameters together by <see cref="LampScores"/>: each gets a sparsity of its own.</summary>
    /// <param name="parameters">Modules and parameter names; a tied parameter named more than once counts once.</param>
    /// <param name="amount">Of the remaining entries of all.</param>
    /// <param name="semantics">What becomes of pruned values and NaN.</param>
    /// <inheritdoc cref="GlobalUnstructured" path="/exception"/>
    public static void Lamp(
        IEnumerable<(Module Module, string Name)> parameters, PruneAmount amount, PruneSemantics semantics = PruneSemantics.Strict)
    {
        using var scope = new TensorScope();
        var targets = PruneTarget.Of(parameters);
        var scores = targets.ToDictionary(target => (target.Module, target.Name), target => LampScores.Compute(target.Scores));
        GlobalUnstructured(scores.Keys, new L1Unstructured(amount) { Semantics = semantics }, scores);
    }

    /// <summary>Prunes several parameters by magnitude, each to what <see cref="ErkDistribution"/> leaves it.</summary>
    /// <inheritdoc cref="Lamp"/>
    public static void Erk(
        IEnumerable<(Module Module, string Name)> parameters, PruneAmount amount, PruneSemantics semantics = PruneSemantics.Strict)
    {
        using var scope = new TensorScope();
        var targets = PruneTarget.Of(parameters);
        var layers = targets.ConvertAll(target => (target.Parameter.Shape, Remaining: BinaryMask.CountOnes(target.Mask)));
        var remaining = layers.Sum(layer => layer.Remaining);
        var count = amount.Of(remaining, $"remaining weights of {targets.Count} parameters together");
        var keep = ErkDistribution.Keep(layers, remaining - count);
        var masks = new Tensor[targets.Count];
        for (var i = 0; i < masks.Length; i++)
            masks[i] = new L1Unstructured(layers[i].Remaining - keep[i]) { Semantics = semantics }
                .Combine(targets[i].Scores, targets[i].Mask, targets[i].Label);
        for (var i = 0; i < masks.Length; i++)
            targets[i].Commit(masks[i], semantics);
    }
}
