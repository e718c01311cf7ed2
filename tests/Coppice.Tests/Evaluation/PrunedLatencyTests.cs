using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Evaluation;

public sealed class PrunedLatencyTests
{
    private readonly DependencyGraph _dependencies = DependencyGraph.Of(GraphTracer.Trace(
        Filled(VisionModels.Find("resnet20")!.Create(10)), new TraceInput("x", Floats([1, 3, 32, 32]))));

    [Fact]
    public void Of_TheSameRemoval_IsMeasuredOnce()
    {
        var latency = new PrunedLatency(_dependencies, [Floats([1, 3, 32, 32])], rounds: 3);
        var first = latency.Of(Half());
        Assert.Same(first, latency.Of(Half()));
        Assert.Equal(3, first.B.Samples);
        Assert.Equal(first.B.P50, latency.Within(1).Cost(Half()));
    }

    /// <summary>Of three rounds, each a run of the model as it is and one of the smaller one, in turns.</summary>
    [Theory]
    [InlineData(false, 8, 5, 5, 8, 8, 5)]
    [InlineData(true, 5, 8, 8, 5, 5, 8)]
    [InlineData(true, 5, 5, 5, 5, 5, 5)]
    public void RefuseSlower_ByMedians_FollowsTheSpeedup(bool isRefused, params int[] milliseconds)
    {
        var latency = new PrunedLatency(_dependencies, [Floats([1, 3, 32, 32])], rounds: 3) { Clock = new ScriptedClock(milliseconds) };
        var error = Record.Exception(() => latency.RefuseSlower(Half()));
        if (isRefused)
            Assert.Contains("would be no faster", Assert.IsType<VerificationException>(error).Message, StringComparison.Ordinal);
        else
            Assert.Null(error);
    }

    /// <summary>One round a measurement: the model as it is takes 9 ms, smaller ones in turns 4 and 6.</summary>
    [Fact]
    public void Choose_WithinATime_MeasuresNoMoreThanThat()
    {
        var latency = new PrunedLatency(_dependencies, [Floats([1, 3, 32, 32])], rounds: 1) { Clock = new ScriptedClock([9, 4, 9, 6]) };
        var removal = new GroupPruning { Budget = latency.Within(5) }.Choose(_dependencies, new(new GroupMagnitude()));
        Assert.Equal(4, latency.Of(removal).B.P50);
        Assert.False(removal.IsEmpty);
    }

    [Fact]
    public void Choose_WithinATimeThatNothingReaches_SaysWhatIsLeft()
    {
        var latency = new PrunedLatency(_dependencies, [Floats([1, 3, 32, 32])], rounds: 1) { Clock = new ScriptedClock([9, 6]) };
        Assert.Contains("The target of 5 ms is out of reach: with all removed that may be, 6 are left", Assert.Throws<PruningException>(() =>
            new GroupPruning { Budget = latency.Within(5) }.Choose(_dependencies, new(new GroupMagnitude()))).Message, StringComparison.Ordinal);
    }

    private Removal Half() => new GroupPruning { Ratio = 0.5 }.Choose(_dependencies, new(new GroupMagnitude()));

    /// <summary>A clock by which one piece of work after the other takes so many milliseconds, from the first again after the last.</summary>
    private sealed class ScriptedClock(int[] milliseconds) : TimeProvider
    {
        private long _now;
        private int _looks;

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => _looks++ % 2 == 0 ? _now : _now += milliseconds[(_looks / 2 - 1) % milliseconds.Length];
    }
}
