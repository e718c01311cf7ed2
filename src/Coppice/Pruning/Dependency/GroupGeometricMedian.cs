using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>Sum of distances between the weights of an index and those of all others in the same member: the nearest to the geometric
/// median can be spared (He et al. 2019, FPGM).</summary>
public sealed class GroupGeometricMedian : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member.Value is not ParameterValue { SampleShape.Rank: >= 2 } weight)
            return null;
        var values = weight.Tensor.ToArray<float>();
        var rows = Enumerable.Range(0, group.Size).Select(_ => new List<float>()).ToArray();
        var (owners, shape) = (member.OwnersOf(group), weight.SampleShape);
        var inner = values.Length / shape.Take(member.Axis + 1).Aggregate(1, (count, size) => count * size);
        for (var i = 0; i < values.Length; i++)
            if (owners[i / inner % owners.Length] is >= 0 and var owner)
                rows[owner].Add(values[i]);
        return [.. rows.Select(row => rows.Sum(other => Distance(row, other)))];
    }

    private static double Distance(List<float> one, List<float> other)
    {
        var sum = 0.0;
        for (var i = 0; i < one.Count; i++)
            sum += ((double)one[i] - other[i]) * ((double)one[i] - other[i]);
        return Math.Sqrt(sum);
    }
}
