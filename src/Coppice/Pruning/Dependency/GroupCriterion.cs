using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

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
        var inner = 1;
        for (var axis = member.Axis + 1; axis < shape.Rank; axis++)
            inner *= shape[axis];
        var count = checked((int)shape.Count);
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

/// <summary>Sum of |w|^p over all weights that make or read an index (p = 1, 2: Li et al. 2017); biases and normalisations do not count.</summary>
/// <param name="p">The power, positive.</param>
public sealed class GroupMagnitude(double p = 1) : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member.Value is not ParameterValue { SampleShape.Rank: >= 2 } weight)
            return null;
        var values = weight.Tensor.ToArray<float>();
        return p switch
        {
            1 => Sum(group, member, i => Math.Abs(values[i])),
            2 => Sum(group, member, i => (double)values[i] * values[i]),
            _ => Sum(group, member, i => Math.Pow(Math.Abs(values[i]), p)),
        };
    }
}

/// <summary>|gamma| of batch normalisation (Liu et al. 2017, network slimming); groups without it have no score.</summary>
public sealed class GroupBatchNormScale : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member.Value is not ParameterValue scale
            || !member.Readers.Any(node => node.Op is BatchNorm or BatchNormTraining && node.Inputs[1] == scale))
            return null;
        var values = scale.Tensor.ToArray<float>();
        return Sum(group, member, i => Math.Abs(values[i]));
    }
}

/// <summary>|sum of w times its gradient| over the weights of an index: the change of the loss, to first order, when they go (Molchanov et
/// al. 2017).</summary>
/// <remarks>The gradients are those that a backward pass has left in the parameters.</remarks>
public sealed class GroupTaylor : GroupCriterion
{
    /// <inheritdoc/>
    /// <exception cref="PruningException">A weight has no gradient.</exception>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member.Value is not ParameterValue { SampleShape.Rank: >= 2 } weight)
            return null;
        var gradients = weight.Parameter.Gradient?.ToArray<float>() ?? throw new PruningException(
            $"'{weight.Name}' has no gradient; run a backward pass over some batches before scoring by Taylor expansion.");
        var values = weight.Tensor.ToArray<float>();
        double[] sums = Sum(group, member, i => (double)values[i] * gradients[i]);
        return [.. sums.Select(Math.Abs)];
    }
}

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
