namespace Coppice.Evaluation;

/// <summary>Quantiles of samples.</summary>
internal static class Quantile
{
    /// <summary>The value below which a fraction of the samples lies, interpolated linearly between neighbours (type 7 of
    /// Hyndman and Fan 1996, numpy's default).</summary>
    /// <param name="sorted">At least one sample, ascending.</param>
    /// <param name="fraction">0 to 1.</param>
    public static double Of(ReadOnlySpan<double> sorted, double fraction)
    {
        var position = fraction * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
