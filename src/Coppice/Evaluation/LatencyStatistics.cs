namespace Coppice.Evaluation;

/// <summary>The distribution of repeated time measurements, in milliseconds.</summary>
/// <param name="Samples">Number of measurements.</param>
/// <param name="P50">The median.</param>
/// <param name="P95">95 % of the measurements are at most this; interpolated linearly like the median.</param>
/// <param name="Min">The shortest.</param>
/// <param name="Max">The longest.</param>
public sealed record LatencyStatistics(int Samples, double P50, double P95, double Min, double Max)
{
    /// <summary>Summarises measurements in any order.</summary>
    /// <param name="milliseconds">At least one; finite and not negative.</param>
    /// <exception cref="ArgumentException">There are no measurements, or one is negative or not finite.</exception>
    public static LatencyStatistics From(ReadOnlySpan<double> milliseconds)
    {
        if (milliseconds.IsEmpty)
            throw new ArgumentException("There are no measurements to summarise.", nameof(milliseconds));
        foreach (var sample in milliseconds)
            if (!double.IsFinite(sample) || sample < 0)
                throw new ArgumentException($"A measurement is {sample} ms; times must be finite and not negative.", nameof(milliseconds));
        var sorted = milliseconds.ToArray();
        Array.Sort(sorted);
        return new(sorted.Length, Quantile.Of(sorted, 0.5), Quantile.Of(sorted, 0.95), sorted[0], sorted[^1]);
    }
}
