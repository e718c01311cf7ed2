using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Compensation;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Compensation;

public sealed class BatchNormStatisticsTests
{
    /// <summary>Training mode normalises a batch by its own statistics: with those taken over, evaluation computes the same.</summary>
    [Fact]
    public void Reestimate_OfTwoNormalisations_IsWhatTrainingModeUses()
    {
        var model = Filled(new Sequential(new Conv2d(2, 6, 3), new BatchNorm2d(6), new Activation("relu"), new Conv2d(6, 4, 3), new BatchNorm2d(4)));
        var batch = Floats([4, 2, 9, 9], 3);
        Tensor[][] inputs = [.. Enumerable.Range(0, 4).Select(i => (Tensor[])[batch.Narrow(0, i, 1).Contiguous()])];
        var graph = GraphTracer.Trace(model, new TraceInput("x", inputs[0][0]));
        Assert.Equal(2, BatchNormStatistics.Reestimate(graph, inputs));
        var actual = model.Forward(batch).ToArray<float>();
        model.Train();
        Assert.Equal(model.Forward(batch).ToArray<float>(), actual, (a, b) => Math.Abs(a - b) < 1e-2);
    }
}
