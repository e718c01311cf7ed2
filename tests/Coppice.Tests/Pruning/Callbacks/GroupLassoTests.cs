using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class GroupLassoTests
{
    [Fact]
    public void GradientsReady_AddsThePenaltysGradient()
    {
        var model = SmallNet.Create();
        var groups = Groups(model);
        var weight = model.Find("3").Parameter("weight");
        float[] plain = [], penalised = [];
        SmallNet.Trainer(SmallNet.Create(), 1, callbacks: new Act(withGradients: trainer =>
            plain = ((Sequential)trainer.Task.Module).Find("3").Parameter("weight").Gradient!.ToArray<float>())).Run();
        var values = weight.Data.ToArray<float>();
        // the channels of the first convolution: filters and bias, scale and shift, and what the second reads
        var entries = (int channel) => ((Parameter[])[.. model.Find("0").Parameters.Values, .. model.Find("1").Parameters.Values])
            .SelectMany(parameter => parameter.Data.ToArray<float>().Chunk((int)parameter.Shape.Count / 6).ElementAt(channel))
            .Concat(values.Chunk(9).Where((_, kernel) => kernel % 6 == channel).SelectMany(kernel => kernel)).ToArray();
        var all = Enumerable.Range(0, 6).Select(entries).ToArray();
        SmallNet.Trainer(model, 1, callbacks: [new GroupLasso([groups[0]], 0.1), new Act(withGradients: _ =>
            penalised = weight.Gradient!.ToArray<float>())]).Run();
        for (var i = 0; i < values.Length; i++)
        {
            var own = all[i / 9 % 6];
            var expected = 0.1 * Math.Sqrt(own.Length) * values[i] / Math.Sqrt(own.Sum(w => (double)w * w));
            Assert.Equal(expected, penalised[i] - plain[i], 1e-4);
        }
    }

    [Fact]
    public void Run_WithAPenalty_ShrinksGroups()
    {
        double NormAfter(double penalty)
        {
            var model = SmallNet.Create();
            var groups = Groups(model);
            SmallNet.Trainer(model, 12, callbacks: new GroupLasso(groups, penalty)).Run();
            return groups.Sum(group => new GroupEntries(group).Squares().Sum(Math.Sqrt));
        }

        Assert.True(NormAfter(0.05) < 0.9 * NormAfter(0));
    }

    [Fact]
    public void Started_NegativePenalty_SaysSo()
    {
        var model = SmallNet.Create();
        Assert.Contains("not 2 and -1", Assert.Throws<PruningException>(() =>
            SmallNet.Trainer(model, 1, callbacks: new GroupLasso(Groups(model), -1)).Run()).Message, StringComparison.Ordinal);
    }

    internal static IReadOnlyList<PruningGroup> Groups(Sequential model) => Dependencies(model).Groups;

    internal static DependencyGraph Dependencies(Sequential model) =>
        DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", Tensor.Zeros([1, 1, 8, 8]))));
}
