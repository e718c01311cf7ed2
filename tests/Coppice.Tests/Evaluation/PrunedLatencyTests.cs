using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models.Vision;
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

    [Fact]
    public void RefuseSlower_ByMedians_FollowsTheSpeedup()
    {
        var latency = new PrunedLatency(_dependencies, [Floats([1, 3, 32, 32])], rounds: 3);
        var error = Record.Exception(() => latency.RefuseSlower(Half()));
        if (latency.Of(Half()).Speedup > 1)
            Assert.Null(error);
        else
            Assert.Contains("would be no faster", Assert.IsType<VerificationException>(error).Message, StringComparison.Ordinal);
    }

    private Removal Half() => new GroupPruning { Ratio = 0.5 }.Choose(_dependencies, new(new GroupMagnitude()));
}
