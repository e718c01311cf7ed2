using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Graphs;

public sealed class GraphTracerTests
{
    private static readonly TraceInput Batch = new("x", Floats([2, 4]), "batch");

    [Fact]
    public void ToString_OfAGraph_HasALineForEachNode()
    {
        var model = Filled(new Sequential(new Linear(4, 3), new Activation("relu")));
        Assert.Equal("""
            inputs: x F32 [batch, 4]
            %3 F32 [batch, 3] = Linear(x, 0.weight, 0.bias) { Layout = OutIn }
            %4 F32 [batch, 3] = Relu(%3)
            outputs: output = %4

            """, GraphTracer.Trace(model, Batch).ToString());
    }

    [Fact]
    public void Trace_OfATuple_NamesItsTensors()
    {
        var model = Filled(new Linear(4, 3));
        var module = new GraphModule(GraphTracer.Trace(model, x => new[] { model.Forward(x[0]), x[0], model.Forward(x[0]).ArgMax() }, Batch));
        Assert.Equal(["output_0", "output_1", "output_2"], module.Graph.Outputs.Select(output => output.Name));
        var input = Floats([5, 4], 2);
        var outputs = module.Forward(input);
        AssertSameBits(model.Forward(input), outputs[0]);
        Assert.Same(input, outputs[1]);
        Assert.Equal(model.Forward(input).ArgMax().ToArray<long>(), outputs[2].ToArray<long>());
    }

    [Fact]
    public void Trace_OfADictionary_KeepsItsNames()
    {
        var model = Filled(new Linear(4, 3));
        var module = new GraphModule(GraphTracer.Trace(model,
            x => new Dictionary<string, Tensor> { ["logits"] = model.Forward(x[0]), ["weight"] = model.Parameter("weight").Value }, Batch));
        var outputs = module.Forward(new Dictionary<string, Tensor> { ["x"] = Batch.Example });
        Assert.Equal(["logits", "weight"], outputs.Keys);
        AssertSameBits(model.Forward(Batch.Example), outputs["logits"]);
        Assert.Same(model.Parameter("weight").Data, outputs["weight"]);
    }

    [Fact]
    public void Trace_OfOpsThatLeadNowhere_LeavesThemOut()
    {
        var model = new Activation("relu");
        var graph = GraphTracer.Trace(model, x => { x[0].Tanh(); return model.Forward(x[0]); }, Batch);
        Assert.Equal("Relu", Assert.Single(graph.Nodes).Op.Name);
    }

    [Fact]
    public void Trace_OfACheckpointedStretch_SeesItsOps()
    {
        var model = Filled(new Linear(4, 3));
        var graph = GraphTracer.Trace(model, x => Checkpointing.Run(inputs => model.Forward(inputs[0]).Relu(), x[0]), Batch);
        Assert.Equal(["Linear", "Relu"], graph.Nodes.Select(node => node.Op.Name));
        Assert.Equal(["weight", "bias"], graph.Values.OfType<ParameterValue>().Select(value => value.Name));
    }

    [Fact]
    public void Trace_OfATensorMadeBefore_KeepsItAsAConstant()
    {
        var six = Tensor.Full([], 6);
        var graph = GraphTracer.Trace(new Activation("relu"), x => x[0].Add(six).Multiply(six), Batch);
        Assert.Same(six, Assert.Single(graph.Values.OfType<ConstantValue>()).Tensor);
    }

    [Fact]
    public void Trace_OfSizesThatAreProductsAndParts_RunsAtOthers()
    {
        var module = new GraphModule(GraphTracer.Trace(new Activation("relu"),
            x => x[0].Reshape(x[0].Shape[0] * x[0].Shape[1] / 4, 4, x[0].Shape[2]).Narrow(0, 1, x[0].Shape[1] / 4 + 1),
            new TraceInput("x", Floats([3, 8, 5]), "batch", "steps")));
        Assert.Equal("[steps/4 + 1, 4, 5]", $"[{string.Join(", ", module.Graph.Outputs[0].Value.Dims)}]");
        var input = Floats([5, 4, 5]);
        AssertSameBits(input.Reshape(5, 4, 5).Narrow(0, 1, 2), module.Forward(input)[0]);
    }

    [Fact]
    public void Trace_OfASizeThatIsNoProduct_SaysSo()
    {
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(new Activation("relu"),
            x => x[0].Narrow(0, 0, (int)Math.Sqrt(x[0].Shape[0])), Batch));
        Assert.Contains("don't name that axis", error.Message, StringComparison.Ordinal);
        Assert.Contains("Narrow { Axis = 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_OfAConstantMadeFromASize_IsRefused() =>
        AssertRefused("with another shape", x => x[0].Multiply(Tensor.Full(x[0].Shape, 2)));

    [Fact]
    public void Trace_OfAConstantMadeFromValues_IsRefused() =>
        AssertRefused("with other values", x => x[0].Multiply(Tensor.Full([], x[0].ToArray<float>()[0])));

    [Fact]
    public void Trace_OfAFixedSizeWithAConstantMadeFromValues_IsRefused() => Assert.Contains("with other values",
        Assert.Throws<GraphException>(() => GraphTracer.Trace(new Activation("relu"),
            x => x[0].Multiply(Tensor.Full([], x[0].ToArray<float>()[0])), new TraceInput("x", Floats([2, 4])))).Message, StringComparison.Ordinal);

    [Fact]
    public void Trace_OfDropoutInTraining_IsRefused()
    {
        var dropout = new Dropout(0.5, new RandomSource(1));
        dropout.Train();
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(dropout, new TraceInput("x", Floats([2, 4]))));
        Assert.Contains("dropout", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_OfOpsThatDependOnValues_IsRefused() =>
        AssertRefused("instead of Relu", x => x[0].ToArray<float>()[0] == Batch.Example.ToArray<float>()[0] ? x[0].Relu() : x[0].Tanh());

    [Fact]
    public void Trace_OfATensorWrittenTo_IsRefused() => AssertRefused("opened for writing", x =>
    {
        var y = x[0].Relu();
        y.AsSpan<float>()[0] = 1;
        return y.Tanh();
    });

    [Fact]
    public void Trace_OfAnOutputThatIsNoOps_IsRefused() => AssertRefused("was not computed by ops", x => Tensor.Full([1], 2));

    [Fact]
    public void Trace_OfAParameterNobodyRegistered_IsRefused()
    {
        var forgotten = new Parameter(Floats([3, 4]));
        AssertRefused("Register it", x => x[0].Linear(forgotten.Value));
    }

    [Fact]
    public void Trace_OfAViewMadeBefore_IsRefused()
    {
        var model = new Linear(4, 3);
        var view = model.Parameter("weight").Data.Transpose(0, 1);
        Assert.Contains("parameter weight", Assert.Throws<GraphException>(
            () => GraphTracer.Trace(model, x => x[0].MatMul(view), Batch)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_OfAModelThatRefusesLargerInputs_SaysWhy()
    {
        var model = Gpt2();
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(model, x => model.Forward(x[0]),
            new TraceInput("ids", Ids(1, 40), "batch", "steps")));
        Assert.Contains("steps 80 instead of 40", error.Message, StringComparison.Ordinal);
        Assert.Contains("Shorten the text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Trace_OfInputsWhoseSizesDisagree_IsRefused()
    {
        var error = Assert.Throws<GraphException>(() => GraphTracer.Trace(new Activation("relu"), x => x[0].Add(x[1]),
            new TraceInput("a", Floats([2, 4]), "batch"), new TraceInput("b", Floats([1, 4]), "batch")));
        Assert.Contains("Input 'b': axis 0, 'batch', has size 1, but 2", error.Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(string why, Func<IReadOnlyList<Tensor>, TraceOutputs> forward) =>
        Assert.Contains(why, Assert.Throws<GraphException>(() => GraphTracer.Trace(new Activation("relu"), forward, Batch)).Message,
            StringComparison.Ordinal);
}
