using Coppice.Pruning.Masks;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Scores from a weight's values and something of its shape.</summary>
internal static class ScoreMath
{
    /// <summary>A function of each entry w and its other value.</summary>
    public static Tensor Entries(LiveWeight weight, Tensor others, Func<double, double, double> score)
    {
        var values = weight.Parameter.Value.AsReadOnlySpan<float>();
        var second = others.AsReadOnlySpan<float>();
        var scores = Tensor.Empty(weight.Parameter.Shape);
        var target = scores.AsSpan<float>();
        for (var i = 0; i < target.Length; i++)
            target[i] = (float)score(values[i], second[i]);
        GC.KeepAlive(others);
        return scores;
    }

    /// <summary>A function of the sum, over each output channel, of a function of each entry w and its other value.</summary>
    public static Tensor Channels(
        LiveWeight weight, Tensor others, Func<double, double, double> term, Func<double, double> score)
    {
        var values = weight.Parameter.Value.AsReadOnlySpan<float>();
        var second = others.AsReadOnlySpan<float>();
        var channels = new Channels(weight.Parameter.Shape, weight.OutputAxis);
        var sums = new double[channels.Count];
        for (var i = 0; i < values.Length; i++)
            sums[channels.Of(i)] += term(values[i], second[i]);
        GC.KeepAlive(others);
        return FromDoubles(Array.ConvertAll(sums, sum => score(sum)));
    }

    public static Tensor FromDoubles(double[] scores) => Tensor.From(Array.ConvertAll(scores, score => (float)score), [scores.Length]);
}
