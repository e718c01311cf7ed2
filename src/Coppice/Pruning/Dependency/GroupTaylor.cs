using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

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
