using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class GroupActivationTests
{
    private static readonly Tensor[] Inputs = [Floats([1, 2, 6, 6], 4)];

    [Fact]
    public void Activation_IsTheMeanMagnitudeThatTheConsumerReads()
    {
        var (group, member, moments, read) = Channels();
        var scores = new GroupActivation(moments).Score(group, member)!;
        for (var c = 0; c < 5; c++)
            Assert.Equal(read[c].Average(x => (double)Math.Abs(x)), scores[c], 1e-5);
        Assert.Null(new GroupActivation(moments).Score(group, group.Members[0]));
    }

    [Fact]
    public void Wanda_IsTheSumOfWeightsTimesNormsOfInputs()
    {
        var (group, member, moments, read) = Channels();
        var weight = ((ParameterValue)member.Value).Tensor.ToArray<float>().Chunk(9).ToArray(); // [outputs x channels][kernel]
        var scores = new GroupWanda(moments).Score(group, member)!;
        for (var c = 0; c < 5; c++)
        {
            var magnitude = 0.0;
            for (var output = 0; output < 3; output++)
                magnitude += weight[output * 5 + c].Sum(w => (double)Math.Abs(w));
            Assert.Equal(magnitude * Math.Sqrt(read[c].Average(x => (double)x * x)), scores[c], 1e-4);
        }
    }

    /// <summary>Index k is channel k of each group of a grouped convolution.</summary>
    [Fact]
    public void Criteria_OfAGroupedConvolution_ReadTheChannelsOfEachGroup()
    {
        var first = new Conv2d(2, 6, 3);
        var model = Filled(new Sequential(first, new Conv2d(6, 4, 3, groups: 2)));
        var graph = GraphTracer.Trace(model, new TraceInput("x", Inputs[0]));
        var group = Assert.Single(DependencyGraph.Of(graph).Groups);
        var member = group.Members.Single(member => member.Value.Name == "1.weight");
        var moments = ActivationMoments.Gather(graph, [Inputs]);
        var read = first.Forward(Inputs[0]).ToArray<float>().Chunk(16).ToArray();
        var weight = ((ParameterValue)member.Value).Tensor.ToArray<float>().Chunk(9).ToArray(); // [outputs x channels of a group][kernel]
        var (activations, wanda) = (new GroupActivation(moments).Score(group, member)!, new GroupWanda(moments).Score(group, member)!);
        for (var k = 0; k < 3; k++)
        {
            Assert.Equal(new[] { k, 3 + k }.Average(c => read[c].Average(x => (double)Math.Abs(x))), activations[k], 1e-5);
            Assert.Equal(Enumerable.Range(0, 4).Sum(output => weight[output * 3 + k].Sum(w => (double)Math.Abs(w))
                * Math.Sqrt(read[output / 2 * 3 + k].Average(x => (double)x * x))), wanda[k], 1e-4);
        }
    }

    /// <summary>Where a layer runs twice, all that it reads counts.</summary>
    [Fact]
    public void Wanda_OfALayerThatRunsTwice_TakesTheNormOfAllThatItReads()
    {
        var (first, model) = Create();
        var second = (Layer)model.Find("1");
        var graph = GraphTracer.Trace(model, read => Twice(first.Forward(read[0])), new TraceInput("x", Inputs[0]));
        var group = Assert.Single(DependencyGraph.Of(graph).Groups);
        var member = group.Members.Single(member => member.Value.Name == "1.weight");
        var scores = new GroupWanda(ActivationMoments.Gather(graph, [Inputs])).Score(group, member)!;
        var (alone, own, moments, _) = Channels();
        var expected = new GroupWanda(moments).Score(alone, own)!;
        for (var c = 0; c < 5; c++)
            Assert.Equal(expected[c] * Math.Sqrt((1 + 4) / 2.0), scores[c], 1e-3); // x and 2 x

        TraceOutputs Twice(Tensor x) => second.Forward(x).Add(second.Forward(x.Add(x)));
    }

    /// <summary>The group of a convolution's channels, its member in the next one, and what that reads, by channel.</summary>
    private static (PruningGroup Group, GroupMember Member, ActivationMoments Moments, float[][] Read) Channels()
    {
        var (first, model) = Create();
        var graph = GraphTracer.Trace(model, new TraceInput("x", Inputs[0]));
        var group = Assert.Single(DependencyGraph.Of(graph).Groups);
        return (group, group.Members.Single(member => member.Value.Name == "1.weight"), ActivationMoments.Gather(graph, [Inputs]),
            [.. first.Forward(Inputs[0]).ToArray<float>().Chunk(16)]);
    }

    private static (Conv2d First, Sequential Model) Create()
    {
        var first = new Conv2d(2, 5, 3);
        return (first, Filled(new Sequential(first, new Conv2d(5, 3, 3))));
    }
}
