using Coppice.Pruning.Importance;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes the weights of smallest magnitude, per tensor or globally (Han et al., "Learning both weights and connections",
/// 2015).</summary>
/// <remarks>Ranked exactly, each type in its own precision; weights of several types ranked together are compared by value.</remarks>
public sealed record MagnitudePruning : PruningMethod
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("l1", MethodOptions.Unstructured);

    /// <inheritdoc/>
    public override bool SupportsGlobal => true;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        var common = task.Scope == PruneScope.Global ? MagnitudeKeys.CommonType(task.Weights.Select(w => w.Source.DType)) : default;
        return Ranking.ComputeMasks(task,
            (group, _) => [.. group.Select(w => new MagnitudeKeys(w.Source, RankType(w.Source.DType)))],
            (weight, _, limit) => new MagnitudeMask(weight.Source.DType, task.Semantics, limit, RankType(weight.Source.DType)));

        DType RankType(DType own) => task.Scope == PruneScope.Global ? common : own;
    }
}
