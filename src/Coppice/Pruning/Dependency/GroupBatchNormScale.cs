using Coppice.Graphs;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

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
