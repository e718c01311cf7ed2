using System.Numerics.Tensors;
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
        var rows = RowsOf(weight.Tensor.ToArray<float>(), group, member);
        return [.. rows.Select(row => rows.Sum(other => (double)TensorPrimitives.Distance<float>(row, other)))];
    }

    /// <summary>The weights of each index.</summary>
    private static List<float[]> RowsOf(float[] values, PruningGroup group, GroupMember member)
    {
        var rows = Enumerable.Range(0, group.Size).Select(_ => new List<float>()).ToList();
        var owners = member.OwnersOf(group);
        var inner = (int)member.Value.SampleShape.CountBehind(member.Axis);
        for (var i = 0; i < values.Length; i++)
            if (owners[i / inner % owners.Length] is >= 0 and var owner)
                rows[owner].Add(values[i]);
        return rows.ConvertAll(row => row.ToArray());
    }
}
