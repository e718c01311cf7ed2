using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>The change of the loss when the weights of an index go, with a diagonal of second derivatives h: <c>sum of h w^2 / 2</c> (LeCun et
/// al. 1990, optimal brain damage), or to the first order as well, <c>|sum of h w^2 / 2 - w g|</c>.</summary>
/// <param name="derivatives">h, and the gradient g.</param>
/// <param name="withGradient">Whether the first order counts; it is 0 only at a minimum.</param>
public sealed class GroupCurvature(LossDerivatives derivatives, bool withGradient = false) : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (member.Value is not ParameterValue { SampleShape.Rank: >= 2 } weight
            || derivatives.Curvature(weight.Parameter) is not { } curvature || derivatives.Gradient(weight.Parameter) is not { } gradient)
            return null;
        var values = weight.Tensor.ToArray<float>();
        var sums = Sum(group, member, i => 0.5 * curvature[i] * values[i] * values[i] - (withGradient ? (double)values[i] * gradient[i] : 0));
        return Array.ConvertAll(sums, Math.Abs);
    }
}
