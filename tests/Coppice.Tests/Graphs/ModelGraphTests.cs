using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Graphs;

/// <summary>The graph of every model computes what the model does, bit for bit.</summary>
public sealed class ModelGraphTests
{
    public static TheoryData<string> VisionNames => [.. VisionModels.Known];

    [Theory]
    [MemberData(nameof(VisionNames))]
    public void Trace_OfAVisionModel_ComputesTheSame(string name)
    {
        var architecture = VisionModels.Find(name)!;
        var size = architecture.Size == 224 ? 32 : architecture.Size;
        using var scope = new TensorScope();
        var model = Filled(architecture.Create(7));
        var module = new GraphModule(GraphTracer.Trace(model, new("image", Images(1), "batch")));
        var expected = model.Forward(Images(2));
        Assert.All(expected.ToArray<float>(), value => Assert.True(float.IsFinite(value) && value != 0));
        AssertSameBits(expected, module.Forward(Images(2))[0]);
        Assert.Equal(model.StateDict().Keys, module.StateDict().Keys);

        Tensor Images(int batch) => Floats([batch, architecture.Channels, size, size]);
    }

    [Theory]
    [InlineData("lenet")]
    [InlineData("resnet20")]
    public void Gradients_OfAVisionModelInTraining_AreTheSame(string name)
    {
        var architecture = VisionModels.Find(name)!;
        var model = Filled(architecture.Create(4));
        model.Train();
        var images = Floats([2, architecture.Channels, architecture.Size, architecture.Size]);
        var before = model.StateDict().Select(entry => entry.Value.ReadOnlyBytes(0, (int)entry.Value.Count * entry.Value.DType.ByteSize()).ToArray()).ToList();
        var module = new GraphModule(GraphTracer.Trace(model, new("image", images, "batch")));
        Assert.Equal(before, model.StateDict().Select(entry => entry.Value.ReadOnlyBytes(0, (int)entry.Value.Count * entry.Value.DType.ByteSize()).ToArray()));
        AssertSameGradients(model, () => model.Forward(images), () => module.Forward(images)[0]);
    }

    [Theory]
    [InlineData(2, 6)]
    [InlineData(1, 1)]
    [InlineData(5, 17)]
    public void Trace_OfGpt2_ComputesTheSameAtAnySize(int batch, int steps)
    {
        var model = Gpt2();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        AssertSameBits(model.Forward(Ids(batch, steps, seed: 2)), module.Forward(Ids(batch, steps, seed: 2))[0]);
    }

    [Theory]
    [InlineData(2, 6)]
    [InlineData(1, 1)]
    [InlineData(5, 17)]
    public void Trace_OfLlama_ComputesTheSameAtAnySize(int batch, int steps)
    {
        var model = Llama();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        AssertSameBits(model.Forward(Ids(batch, steps, seed: 2)), module.Forward(Ids(batch, steps, seed: 2))[0]);
    }

    [Fact]
    public void Gradients_OfLlama_AreTheSame()
    {
        var model = Llama();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        var (ids, targets) = (Ids(3, 5, seed: 3), Ids(3, 5, seed: 4));
        AssertSameGradients(model, () => model.Forward(ids).CrossEntropy(targets), () => module.Forward(ids)[0].CrossEntropy(targets));
    }

    [Fact]
    public void Trace_OfGpt2sLastLogits_ComputesTheSameAtAnySize()
    {
        var model = Gpt2();
        var graph = GraphTracer.Trace(model, x => model.Forward(x[0], lastOnly: true), new TraceInput("ids", Ids(2, 6), "batch", "steps"));
        Assert.Contains("with sizes [steps - 1, 1]", graph.ToString(), StringComparison.Ordinal);
        AssertSameBits(model.Forward(Ids(3, 9), lastOnly: true), new GraphModule(graph).Forward(Ids(3, 9))[0]);
    }

    [Fact]
    public void Trace_OfGpt2_KeepsTiedWeightsOneParameter()
    {
        var model = Gpt2();
        var graph = GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps"));
        var table = Assert.Single(graph.Values.OfType<ParameterValue>(), value => value.Parameter == model.Find("lm_head").Parameter("weight"));
        Assert.Equal("transformer.wte.weight", table.Name);
        Assert.Equal(["Embedding", "Linear"], graph.Nodes.Where(node => node.Inputs.Contains(table)).Select(node => node.Op.Name));
        Assert.Equal(model.NamedParameters().Select(entry => entry.Parameter).ToHashSet(),
            graph.Values.OfType<ParameterValue>().Select(value => value.Parameter).ToHashSet());
    }

    [Fact]
    public void Gradients_OfGpt2_AreTheSame()
    {
        var model = Gpt2();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        var (ids, targets) = (Ids(3, 5, seed: 3), Ids(3, 5, seed: 4));
        AssertSameGradients(model, () => model.Forward(ids).CrossEntropy(targets), () => module.Forward(ids)[0].CrossEntropy(targets));
    }

    [Fact]
    public void Trace_WhileATapeIsOpen_GivesTheSameGraph()
    {
        var model = Gpt2();
        var expected = Traced();
        using var tape = new Tape();
        Assert.Equal(expected, Traced());

        string Traced() => GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")).ToString();
    }

    [Fact]
    public void Trace_OfBertWithTokenTypes_ComputesTheSameAtAnySize()
    {
        var model = Bert();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0], null, x[1]),
            new TraceInput("ids", Ids(2, 6), "batch", "steps"), new TraceInput("types", Ids(2, 6, 2), "batch", "steps")));
        foreach (var (batch, steps) in ((int, int)[])[(2, 6), (1, 1), (4, 11)])
            AssertSameBits(model.Forward(Ids(batch, steps), null, Ids(batch, steps, 2)), module.Forward(Ids(batch, steps), Ids(batch, steps, 2))[0]);
    }

    [Fact]
    public void Trace_OfBertWithAMask_ComputesWhatLengthsDo()
    {
        var model = Bert();
        var module = new GraphModule(GraphTracer.Trace(model, Forward,
            new TraceInput("ids", Ids(2, 6), "batch", "steps"), new TraceInput("mask", Floats([2, 1, 1, 6]), "batch", null, null, "steps")));
        int[] lengths = [3, 8, 1];
        AssertSameBits(model.Forward(Ids(3, 8), lengths), module.Forward(Ids(3, 8), Padding.TrailingMask(lengths, 8))[0]);

        TraceOutputs Forward(IReadOnlyList<Tensor> inputs)
        {
            var hidden = model.Embed(inputs[0]);
            for (var block = 0; block < model.Blocks.Count; block++)
                hidden = model.RunBlock(block, hidden, inputs[1]);
            return model.Finish(hidden);
        }
    }

    [Fact]
    public void Gradients_OfBert_AreTheSame()
    {
        var model = Bert();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        AssertSameGradients(model, () => model.Forward(Ids(3, 5)), () => module.Forward(Ids(3, 5))[0]);
    }

    [Fact]
    public void Trace_OfBertWithLengths_SaysThatTheMaskIsNoOp()
    {
        var model = Bert();
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(model, x => model.Forward(x[0], [3, 6]),
            new TraceInput("ids", Ids(2, 6), null, "steps")));
        Assert.Contains("reads as input 3 the constant F32 [2, 1, 1, 12] instead of F32 [2, 1, 1, 6] with another shape", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_OfGpt2WithACache_IsRefused()
    {
        var model = Gpt2();
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(model, x => model.Forward(x[0], model.CreateCache(16)),
            new TraceInput("ids", Ids(2, 6))));
        Assert.Contains("trace without the cache", error.Message, StringComparison.Ordinal);
    }

    private static void AssertSameGradients(Module model, Func<Tensor> eager, Func<Tensor> graph)
    {
        var (expected, actual) = (Gradients(eager), Gradients(graph));
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.Contains(expected.Values, gradient => gradient.Any(value => value != 0));
        foreach (var (name, gradient) in expected)
            Assert.True(gradient.SequenceEqual(actual[name]), name);

        Dictionary<string, float[]> Gradients(Func<Tensor> forward)
        {
            foreach (var (_, parameter) in model.NamedParameters())
                parameter.ZeroGradient();
            using (var tape = new Tape())
            {
                var output = forward();
                tape.Backward(output, Floats(output.Shape, 9));
            }
            return model.NamedParameters().Where(entry => entry.Parameter.Gradient is not null)
                .ToDictionary(entry => entry.Name, entry => entry.Parameter.Gradient!.ToArray<float>());
        }
    }
}
