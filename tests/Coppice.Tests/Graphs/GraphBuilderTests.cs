using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Tests.Graphs.TestModels;
using Parameter = Coppice.Modules.Parameter;

namespace Coppice.Tests.Graphs;

public sealed class GraphBuilderTests
{
    private static readonly SymbolicDim Batch = SymbolicDim.Symbol("batch");

    [Fact]
    public void Build_OfAGraphByHand_Runs()
    {
        var builder = new GraphBuilder(("batch", 2));
        var (weight, bias, mean) = (new Parameter(Floats([3, 4])), new Parameter(Floats([3])), Floats([3]));
        var x = builder.Input("x", DType.F32, Batch, 4);
        var y = builder.Apply(new Linear(WeightLayout.OutIn), [x, builder.Parameter("block.fc.weight", weight), builder.Parameter("block.fc.bias", bias)])[0];
        y = builder.Apply(new Subtract(), [y, builder.Buffer("block.mean", mean)])[0];
        y = builder.Apply(new Reshape(2, 3, 1), [y], [Batch, 3, 1])[0];
        builder.Output("y", y);
        var module = new GraphModule(builder.Build());

        Assert.Equal(["block.mean", "block.fc.weight", "block.fc.bias"], module.StateDict().Keys);
        Assert.Same(weight, module.Find("block.fc").Parameter("weight"));
        var input = Floats([5, 4], 3);
        AssertSameBits(input.Linear(weight.Data, bias.Data).Subtract(mean).Reshape(5, 3, 1), module.Forward(input)[0]);
    }

    [Fact]
    public void Parameter_UnderASecondName_IsTheSameValue()
    {
        var builder = new GraphBuilder();
        var tied = new Parameter(Floats([2, 2]));
        Assert.Same(builder.Parameter("a.weight", tied), builder.Parameter("b.weight", tied));
    }

    [Fact]
    public void Dims_OfConvolutions_FollowWhereTheyCan()
    {
        var builder = new GraphBuilder(("height", 32), ("width", 64));
        var x = builder.Input("x", DType.F32, 1, 3, SymbolicDim.Symbol("height"), SymbolicDim.Symbol("width"));
        var halved = builder.Apply(new Conv2d(Stride: 2, Padding: 1), [x, builder.Parameter("w", new(Floats([8, 3, 3, 3])))])[0];
        Assert.Equal("%2 F32 [1, 8, height/2, width/2]", halved.ToString());
        Assert.Equal<Shape>([1, 8, 16, 32], halved.SampleShape);
        var thirds = builder.Apply(new MaxPool2d(3, 3, 0), [x])[0];
        Assert.Equal("%3 F32 [1, 3, ?, ?]", thirds.ToString());
    }

    [Fact]
    public void Apply_OfShapesThatDoNotFit_NamesOpAndValues()
    {
        var builder = new GraphBuilder(("batch", 2));
        var x = builder.Input("x", DType.F32, Batch, 4);
        var error = Assert.Throws<GraphException>(() => builder.Apply(new MatMul(), [x, builder.Constant(Floats([5, 2]))]));
        Assert.StartsWith("MatMul(x F32 [batch, 4], constant1 F32 [5, 2]) can't be a node: ", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("Transpose() can't be a node: ", Assert.Throws<GraphException>(() => builder.Apply(new Transpose(0, 1), [])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_OfShapesThatFitTheSampleAlone_SaysSo()
    {
        var builder = new GraphBuilder(("batch", 2));
        var x = builder.Input("x", DType.F32, Batch, 4);
        var error = Assert.Throws<GraphException>(() => builder.Apply(new Reshape(2, 2, 2), [x]));
        Assert.Contains("with batch 4 instead of 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Input_WithASizeThatIsNoSymbol_IsRefused()
    {
        var builder = new GraphBuilder(("batch", 2));
        Assert.Throws<GraphException>(() => builder.Input("x", DType.F32, SymbolicDim.Symbol("steps")));
        Assert.Throws<GraphException>(() => builder.Input("y", DType.F32, -1));
        Assert.Throws<GraphException>(() => builder.Input("z", DType.F32, SymbolicDim.Unknown));
    }

    [Fact]
    public void Build_OfWhatIsNoGraph_IsRefused()
    {
        var (builder, other) = (new GraphBuilder(), new GraphBuilder());
        var x = builder.Input("x", DType.F32, 4);
        other.Input("x", DType.F32, 4);
        Assert.Contains("no output", Assert.Throws<GraphException>(builder.Build).Message, StringComparison.Ordinal);
        Assert.Contains("another graph", Assert.Throws<GraphException>(() => other.Apply(new Relu(), [x])).Message, StringComparison.Ordinal);
        Assert.Contains("two inputs", Assert.Throws<GraphException>(() => builder.Buffer("x", Floats([1]))).Message, StringComparison.Ordinal);
        builder.Output("y", x);
        Assert.Contains("two outputs", Assert.Throws<GraphException>(() => builder.Output("y", x)).Message, StringComparison.Ordinal);
        Assert.Contains("1 sizes; 2", Assert.Throws<GraphException>(() => builder.Apply(new Reshape(4), [x], [2, 2])).Message,
            StringComparison.Ordinal);
        Assert.Contains("'a' is there twice", Assert.Throws<GraphException>(() => new GraphBuilder(("a", 1), ("a", 2))).Message, StringComparison.Ordinal);
    }
}
