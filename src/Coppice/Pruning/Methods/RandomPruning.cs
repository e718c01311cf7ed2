using Coppice.Pruning.Importance;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes weights at random, exactly as many as asked, per tensor or globally.</summary>
/// <remarks>
/// <see cref="PruneSemantics.Strict"/>: an element's rank is a hash of the seed, the weight's place in scope and the element's index.
/// <see cref="PruneSemantics.Torch"/>: the choice of <c>random_unstructured</c> called on the weights in order after
/// <c>torch.manual_seed(seed)</c>;
/// F32 and F64 only, since PyTorch's draws for 16-bit types are mostly ties, of which it prunes unspecified ones.
/// </remarks>
public sealed record RandomPruning : PruningMethod
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("random", MethodOptions.Unstructured);

    /// <inheritdoc/>
    public override bool SupportsGlobal => true;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        if (task.Semantics == PruneSemantics.Torch)
            return ComputeTorchMasks(task);
        return Ranking.ComputeMasks(task,
            (group, first) => [.. group.Select((weight, i) => new HashKeys(weight.Source.Count, task.Seed, first + i))],
            (weight, keys, limit) => new RankMask(weight.Source.DType, task.Semantics, keys, limit));
    }

    private static IReadOnlyList<WeightMask> ComputeTorchMasks(PruneTask task)
    {
        foreach (var weight in task.Weights)
            if (weight.Source.DType is not (DType.F32 or DType.F64))
                throw new PruningException($"'{weight.Name}' is {weight.Source.DType}: random pruning under torch semantics is defined "
                    + "for F32 and F64; use strict semantics.");
        if (task.Scope == PruneScope.Global && task.Weights.Select(w => w.Source.DType).Distinct().Count() > 1)
            throw new PruningException("Global random pruning under torch semantics needs weights of one type; use strict semantics.");
        var stream = new RandomSource(task.Seed);
        return Ranking.ComputeMasks(task,
            (group, _) => [.. group.Select(weight => new DrawKeys(weight.Source.Count, weight.Source.DType, stream))],
            (weight, keys, limit) => new RankMask(weight.Source.DType, task.Semantics, keys, limit));
    }
}
