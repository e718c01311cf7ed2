using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class InterleavedTests
{
    [Fact]
    public void Measure_ThreeRounds_WarmsUpThenTakesTurns()
    {
        var calls = "";
        Interleaved.Measure(() => calls += 'a', () => calls += 'b', 3);
        Assert.Equal("ab" + "ab" + "ba" + "ab", calls);
    }

    [Fact]
    public void Measure_KnownTimes_GivesStatisticsOfEach()
    {
        var clock = new ManualClock();
        var (runsA, runsB) = (0, 0);
        // The first run of each is the warm-up and must not count.
        var times = Interleaved.Measure(
            () => clock.Advance(runsA++ == 0 ? 900 : 10 * runsA), () => clock.Advance(runsB++ == 0 ? 900 : 15), 3, clock);
        Assert.Equal((3, 30.0, 20.0, 40.0), (times.A.Samples, times.A.P50, times.A.Min, times.A.Max));
        Assert.Equal((15.0, 15.0), (times.B.P50, times.B.Max));
        Assert.Equal(2, times.Speedup);
    }

    [Fact]
    public void Measure_NoRounds_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Interleaved.Measure(() => { }, () => { }, 0));

    private sealed class ManualClock : TimeProvider
    {
        private long _milliseconds;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => _milliseconds;

        public void Advance(int milliseconds) => _milliseconds += milliseconds;
    }
}
