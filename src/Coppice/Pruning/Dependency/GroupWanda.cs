using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>Sum of |w| ||x|| over the weights that read an index, with ||x|| the norm of what they read on calibration data (Sun et al. 2024,
/// Wanda), brought from entries to groups.</summary>
/// <param name="moments">What is read.</param>
public sealed class GroupWanda(ActivationMoments moments) : GroupCriterion
{
    /// <inheritdoc/>
    public override double[]? Score(PruningGroup group, GroupMember member)
    {
        if (moments.Of(member) is not [var read, ..])
            return null;
        var weight = ((ParameterValue)member.Value).Tensor;
        var (values, shape) = (weight.ToArray<float>(), member.Value.SampleShape);
        var inner = values.Length / shape.Take(member.Axis + 1).Aggregate(1, (count, size) => count * size);
        double[][] norms = [.. read.Select(part => part.Squares.Select(square => Math.Sqrt(square / part.Count)).ToArray())];
        var entries = values.Length / norms.Length; // of each group, which follow one another
        return Sum(group, member, i => Math.Abs(values[i]) * norms[i / entries][i / inner % norms[0].Length]);
    }
}
