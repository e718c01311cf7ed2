namespace Coppice.Pruning.Dependency;

/// <summary>Mean of |x| over what consumers read of an index, on calibration data.</summary>
/// <param name="moments">What they read.</param>
public sealed class GroupActivation(ActivationMoments moments) : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        var all = moments.Of(member);
        if (all.Count == 0)
            return null;
        var (scores, owners) = (new double[group.Size], member.OwnersOf(group));
        var each = owners.CountBy(owner => owner).First(count => count.Key >= 0).Value;
        foreach (var (channel, owner) in owners.Index())
            if (owner >= 0)
                scores[owner] += all.Sum(read => read.Average(part => part.Magnitudes[channel] / part.Count)) / (each * all.Count);
        return scores;
    }
}
