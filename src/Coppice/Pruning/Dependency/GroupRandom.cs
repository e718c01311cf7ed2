using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>Uniform random scores, the same for the same seed; the baseline that others must beat.</summary>
/// <param name="seed">Start of the draws.</param>
public sealed class GroupRandom(long seed) : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member != group.Members[0])
            return null;
        var random = new RandomSource(seed + group.Number);
        return [.. Enumerable.Range(0, group.Size).Select(_ => random.NextDouble())];
    }
}
