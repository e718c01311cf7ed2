using Coppice.Pruning.Masks;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes the weights of smallest magnitude of each layer down to what <see cref="ErkDistribution"/> leaves it of the whole
/// (Evci et al., "Rigging the lottery", 2020).</summary>
public sealed record ErkPruning : PruningMethod
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("erk");

    /// <inheritdoc/>
    public override bool IsAlwaysGlobal => true;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        var total = task.Weights.Sum(weight => weight.Source.Count);
        var keep = ErkDistribution.Keep([.. task.Weights.Select(weight => (weight.Source.Shape, weight.Source.Count))],
            total - task.AmountOfAll.Of(total, "weights in scope"));
        var amounts = task.Weights.Zip(keep)
            .ToDictionary(entry => entry.First, entry => PruneAmount.Count(entry.First.Source.Count - entry.Second));
        return new MagnitudePruning().ComputeMasks(task with { Scope = PruneScope.PerTensor, OwnAmounts = amounts });
    }
}
