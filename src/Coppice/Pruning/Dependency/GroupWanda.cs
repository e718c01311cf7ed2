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
        var readers = moments.Of(member);
        if (readers.Count == 0)
            return null;
        var weight = ((ParameterValue)member.Value).Tensor;
        var (values, inner) = (weight.ToArray<float>(), (int)member.Value.SampleShape.CountBehind(member.Axis));
        var parts = readers.Max(read => read.Count);
        double[][] norms = [.. Enumerable.Range(0, parts).Select(part => Norms([.. readers.Select(read => read[part * read.Count / parts])]))];
        var entries = values.Length / parts; // of each group of a grouped convolution, which follow one another
        return Sum(group, member, i => Math.Abs(values[i]) * norms[i / entries][i / inner % norms[0].Length]);
    }

    /// <summary>Of all that is read, where several nodes read the weight.</summary>
    private static double[] Norms(ChannelMoments[] read) =>
        [.. read[0].Squares.Select((_, channel) => Math.Sqrt(read.Sum(each => each.Squares[channel]) / read.Sum(each => each.Count)))];
}
