namespace Coppice.Pruning.Dependency;

/// <summary>Says how much each index of a group matters in one of the group's members: a pure function of the member's values.</summary>
/// <remarks>Its author writes <see cref="Score"/>; <see cref="GroupImportance"/> brings the members together.</remarks>
public abstract class GroupCriterion
{
    /// <summary>Scores of the group's indices; the higher, the longer it is kept. Null where this member tells nothing.</summary>
    public abstract double[]? Score(PruningGroup group, GroupMember member);

    /// <summary>Sums over the entries of a member that belong to each index of the group, in the order of the entries.</summary>
    /// <param name="group">The group.</param>
    /// <param name="member">A parameter of it.</param>
    /// <param name="entry">What an entry adds; its number in row-major order is given.</param>
    private protected static double[] Sum(PruningGroup group, GroupMember member, Func<int, double> entry)
    {
        var (sums, owners, shape) = (new double[group.Size], member.OwnersOf(group), member.Value.SampleShape);
        var (inner, count) = ((int)shape.CountBehind(member.Axis), checked((int)shape.Count));
        for (var start = 0; start < count; start += inner)
        {
            var owner = owners[start / inner % owners.Length];
            if (owner < 0)
                continue;
            var sum = 0.0;
            for (var i = start; i < start + inner; i++)
                sum += entry(i);
            sums[owner] += sum;
        }
        return sums;
    }
}
