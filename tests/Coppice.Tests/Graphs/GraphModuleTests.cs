using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;
using Reshape = Coppice.Tensors.Ops.Reshape;

namespace Coppice.Tests.Graphs;

public sealed class GraphModuleTests
{
    [Fact]
    public void SetMask_AfterTracing_Acts()
    {
        var model = Filled(new Linear(4, 3));
        var module = new GraphModule(Traced(model));
        var input = Floats([2, 4], 5);
        var before = module.Forward(input)[0].ToArray<float>();
        model.Parameter("weight").SetMask(Tensor.From<float>([1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0], [3, 4]));
        Assert.NotEqual(before, module.Forward(input)[0].ToArray<float>());
        AssertSameBits(model.Forward(input), module.Forward(input)[0]);
    }

    [Fact]
    public void Trace_OfAMaskedModel_KnowsTheParameter()
    {
        var model = Filled(new Linear(4, 3));
        model.Parameter("weight").SetMask(Tensor.Zeros([3, 4]));
        var graph = Traced(model);
        Assert.Equal(["weight", "bias"], graph.Values.OfType<ParameterValue>().Select(value => value.Name));
        Assert.Empty(graph.Values.OfType<ConstantValue>());
        model.Parameter("weight").ClearMask();
        AssertSameBits(model.Forward(Floats([2, 4])), new GraphModule(graph).Forward(Floats([2, 4]))[0]);
    }

    [Fact]
    public void Replace_AfterTracing_Acts()
    {
        var model = Filled(new Sequential(new Linear(4, 6), new Linear(6, 3)));
        var module = new GraphModule(Traced(model));
        model.Find("0").Parameter("weight").Replace(Floats([5, 4]));
        model.Find("0").Parameter("bias").Replace(Floats([5]));
        model.Find("1").Parameter("weight").Replace(Floats([3, 5]));
        AssertSameBits(model.Forward(Floats([2, 4])), module.Forward(Floats([2, 4]))[0]);
    }

    [Fact]
    public void Trace_OfAGraphModule_GivesTheSameGraph()
    {
        var model = Gpt2();
        var input = new TraceInput("ids", Ids(2, 6), "batch", "steps");
        var graph = GraphTracer.Trace(model, x => model.Forward(x[0]), input);
        var module = new GraphModule(graph);
        Assert.Equal(graph.ToString(), GraphTracer.Trace(module, x => module.Forward(x[0])[0], input).ToString());
    }

    [Fact]
    public void LoadStateDict_OfTheModelsOwn_FitsTheGraphModule()
    {
        var model = Gpt2();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        Assert.Equal(model.StateDict().Keys, module.StateDict().Keys);
        Assert.Empty(module.LoadStateDict(model.StateDict()).Missing);
    }

    [Fact]
    public void Forward_WithInputsThatDoNotFit_SaysWhich()
    {
        var module = new GraphModule(GraphTracer.Trace(new Activation("relu"), x => x[0].Add(x[1]),
            new TraceInput("a", Floats([2, 4]), "batch"), new TraceInput("b", Floats([2, 4]), "batch")));
        Assert.Contains("takes 2 inputs", Refused(() => module.Forward(Floats([2, 4]))), StringComparison.Ordinal);
        Assert.Contains("a F32 [batch, 4] is given as F32 [2, 5]: axis 1 must be 4.", Refused(() => module.Forward(Floats([2, 5]), Floats([2, 4]))),
            StringComparison.Ordinal);
        Assert.Contains("b F32 [batch, 4] is given as F32 [3, 4]: axis 0 must be batch, which is 2.",
            Refused(() => module.Forward(Floats([2, 4]), Floats([3, 4]))), StringComparison.Ordinal);
        Assert.Contains("is given as I64 [2, 4]", Refused(() => module.Forward(Ids(2, 4), Floats([2, 4]))), StringComparison.Ordinal);
        Assert.Contains("inputs are a, b; given are a", Refused(() => module.Forward(new Dictionary<string, Tensor> { ["a"] = Floats([2, 4]) })),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_WithAnIdBeyondTheTable_NamesTheNode()
    {
        var model = Gpt2();
        var module = new GraphModule(GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps")));
        var error = Assert.Throws<GraphException>(() => module.Forward(Tensor.From<long>([99], [1, 1])));
        Assert.Contains("Embedding(ids, transformer.wte.weight)", error.Message, StringComparison.Ordinal);
        Assert.Contains("id 99", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_AtASizeThatIsNoMultiple_SaysSo()
    {
        var module = new GraphModule(GraphTracer.Trace(new Activation("relu"), x => x[0].Reshape(x[0].Shape[0] / 2, 8),
            new TraceInput("x", Floats([2, 4]), "batch")));
        Assert.Equal<Shape>([3, 8], module.Forward(Floats([6, 4]))[0].Shape);
        var error = Assert.Throws<GraphException>(() => module.Forward(Floats([3, 4])));
        Assert.Contains("'batch/2' has no whole value where batch = 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Revise_AfterParametersShrank_FindsShapesAnew()
    {
        var model = Filled(new HeadSplit());
        var graph = Traced(model);
        model.Parameter("weight").Replace(Floats([4, 4]));
        var revised = graph.Revise(node => (node.Op, node.Op is Reshape ? [node.Sizes[0], 2, 2] : node.Sizes));
        Assert.Equal("[batch, 2, 2]", $"[{string.Join(", ", revised.Outputs[0].Value.Dims)}]");
        AssertSameBits(model.Forward(Floats([5, 4])), new GraphModule(revised).Forward(Floats([5, 4]))[0]);
    }

    [Fact]
    public void Revise_WithoutChange_GivesTheSameText()
    {
        var model = Gpt2();
        var graph = GraphTracer.Trace(model, x => model.Forward(x[0]), new TraceInput("ids", Ids(2, 6), "batch", "steps"));
        Assert.Equal(graph.ToString(), graph.Revise(node => (node.Op, node.Sizes)).ToString());
    }

    private static Graph Traced(Layer model) => GraphTracer.Trace(model, new("x", Floats([2, 4]), "batch"));

    private static string Refused(Action action) => Assert.Throws<ArgumentException>(action).Message;

    /// <summary>A linear layer whose outputs are split into heads of two.</summary>
    private sealed class HeadSplit : Layer
    {
        private readonly Parameter _weight;

        public HeadSplit() => _weight = Register("weight", new Parameter(Tensor.Zeros([6, 4])));

        protected override Tensor Compute(Tensor input)
        {
            var x = input.Linear(_weight.Value);
            return x.Reshape(x.Shape[0], x.Shape[1] / 2, 2);
        }
    }
}
