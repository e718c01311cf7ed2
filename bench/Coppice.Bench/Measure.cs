using System.Diagnostics;

namespace Coppice.Bench;

/// <summary>Medians of two contenders and <c>Peer / Us</c>: above 1, we are faster.</summary>
/// <param name="Us">Seconds a call of ours takes.</param>
/// <param name="Peer">Seconds a call of the peer takes.</param>
internal readonly record struct Comparison(double Us, double Peer)
{
    public double Ratio => Peer / Us;
}

/// <summary>Timing on a machine that others use too: contenders take turns in one run, medians are compared, never single times.</summary>
internal static class Measure
{
    private const double RoundSeconds = 0.01;

    /// <summary>Runs both in turn, <paramref name="rounds"/> times, each round long enough to time.</summary>
    public static Comparison Ratio(Action us, Action peer, int rounds = 15)
    {
        var medians = Medians(rounds, us, peer);
        return new(medians[0], medians[1]);
    }

    /// <summary>Median seconds a call of each contender takes, taking turns.</summary>
    public static double[] Medians(int rounds, params Action[] contenders)
    {
        var calls = Array.ConvertAll(contenders, contender =>
        {
            contender(); // compiled and paged in
            return Math.Max(1, (int)(RoundSeconds / Time(contender, 1)));
        });
        var times = Array.ConvertAll(contenders, _ => new double[rounds]);
        for (var round = 0; round < rounds; round++)
            for (var i = 0; i < contenders.Length; i++)
                times[i][round] = Time(contenders[i], calls[i]);
        return Array.ConvertAll(times, Median);
    }

    /// <summary>Lets the threads of the contender before go to sleep: those of OpenMP and ONNX Runtime spin on for up to 20 ms after their
    /// work, on processors that are the next one's.</summary>
    public static void Settle() => Thread.Sleep(40);

    private static double Time(Action action, int calls)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < calls; i++)
            action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }

    /// <summary>The middle of some measurements.</summary>
    public static double Median(IEnumerable<double> measurements)
    {
        double[] values = [.. measurements.Order()];
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
