namespace Coppice.Evaluation;

/// <summary>Times of two pieces of work measured in turns.</summary>
public sealed record InterleavedTimes(LatencyStatistics A, LatencyStatistics B)
{
    /// <summary>How many times faster b is: the median of a / the median of b. Infinite if b took no measurable time.</summary>
    public double Speedup => A.P50 / B.P50;
}

/// <summary>Measures two pieces of work in turns, so that whatever else the machine does hits both alike.</summary>
public static class Interleaved
{
    /// <summary>Runs each once to warm up, then once a round: a, b, b, a, a, b and so on, so that neither always comes second.</summary>
    /// <param name="a">The first, for example the model before.</param>
    /// <param name="b">The second.</param>
    /// <param name="rounds">Measurements of each, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rounds"/> is less than 1.</exception>
    public static InterleavedTimes Measure(Action a, Action b, int rounds) => Measure(a, b, rounds, TimeProvider.System);

    internal static InterleavedTimes Measure(Action a, Action b, int rounds, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        var (timesA, timesB) = (new double[rounds], new double[rounds]);
        a();
        b();
        for (var round = 0; round < rounds; round++)
        {
            if (round % 2 == 0)
                timesA[round] = Time(a, clock);
            timesB[round] = Time(b, clock);
            if (round % 2 != 0)
                timesA[round] = Time(a, clock);
        }
        return new(LatencyStatistics.From(timesA), LatencyStatistics.From(timesB));
    }

    private static double Time(Action work, TimeProvider clock)
    {
        var start = clock.GetTimestamp();
        work();
        return clock.GetElapsedTime(start).TotalMilliseconds;
    }
}
