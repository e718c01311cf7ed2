using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

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
