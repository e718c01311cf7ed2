using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Tests.Onnx;

public sealed class OnnxExamplesTests
{
    [Fact]
    public void Of_OpenAxes_TakeTheUsualSizesOrThoseOfTheirName()
    {
        using var folder = new TempFolder();
        var module = Open(folder, ("images", DType.F32, ["N", null, "height", "width"]), ("ids", DType.I64, ["N", "steps"]), ("mask", DType.I64, ["N", "steps"]));
        var usual = OnnxExamples.Of(module);
        Assert.Equal<Shape>([1, 3, 224, 224], usual[0].Shape);
        Assert.Equal<Shape>([1, 32], usual[1].Shape);
        Assert.All(usual[1].ToArray<long>(), id => Assert.Equal(1, id));
        Assert.InRange(usual[0].ToArray<float>().Max(), 0.99f, 1);
        var given = OnnxExamples.Of(module, new Dictionary<string, Shape> { ["ids"] = [2, 7] });
        Assert.Equal<Shape>([2, 3, 224, 224], given[0].Shape);
        Assert.Equal<Shape>([2, 7], given[2].Shape);
    }

    [Fact]
    public void Of_AxesOfOneName_AreAsLong()
    {
        using var folder = new TempFolder();
        var module = Open(folder, ("x", DType.F32, ["N", "steps"]), ("state", DType.F32, ["2", "N", "width"]), ("places", DType.F32, ["steps", "width"]));
        Assert.Equal<Shape>([[1, 32], [2, 1, 32], [32, 32]], OnnxExamples.Of(module).Select(example => example.Shape));
    }

    [Fact]
    public void Of_AModelThatLoops_MakesTwoTurns()
    {
        using var folder = new TempFolder();
        var body = TinyOnnx.Body("body", ["s", "part"], ["t", "out"], TinyOnnx.Node("Add", ["s", "part"], ["t"]), TinyOnnx.Node("Identity", ["t"], ["out"]));
        var graph = new GraphProto { Name = "g" };
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, [new Dimension { Param = "t" }, new Dimension { Value = 3 }]));
        graph.Inputs.Add(ValueInfoProto.From("s", TensorDataType.Float, [new Dimension { Value = 3 }]));
        graph.Nodes.Add(TinyOnnx.Node("Scan", ["s", "x"], ["last", "all"], body, AttributeProto.From("num_scan_inputs", 1L)));
        graph.Outputs.Add(new() { Name = "all" });
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 17 });
        OnnxFile.Save(model, folder["loop.onnx"]);
        Assert.Equal<Shape>([2, 3], OnnxExamples.Of(new OnnxModule(OnnxFile.Open(folder["loop.onnx"])))[0].Shape);
    }

    [Fact]
    public void Of_AnInputWithoutAxes_HasTheGivenValue()
    {
        using var folder = new TempFolder();
        var module = Open(folder, ("x", DType.F32, ["N"]), ("rate", DType.I64, []));
        Assert.Equal(1, OnnxExamples.Of(module)[1].Item<long>());
        var given = OnnxExamples.Of(module, new Dictionary<string, Shape> { ["rate"] = [16000] })[1];
        Assert.Equal((0, 16000), (given.Shape.Rank, given.Item<long>()));
        Assert.Equal(0, OnnxExamples.Of(module, new Dictionary<string, Shape> { ["rate"] = [0] })[1].Item<long>());
    }

    [Fact]
    public void Of_TheSameSeed_AreTheSame()
    {
        using var folder = new TempFolder();
        var module = Open(folder, ("x", DType.F32, ["N", "M"]));
        var sizes = new Dictionary<string, Shape> { [""] = [1, 9] };
        Assert.Equal(OnnxExamples.Of(module, sizes, 3)[0].ToArray<float>(), OnnxExamples.Of(module, sizes, 3)[0].ToArray<float>());
        Assert.NotEqual(OnnxExamples.Of(module, sizes, 3)[0].ToArray<float>(), OnnxExamples.Of(module, sizes, 4)[0].ToArray<float>());
    }

    [Theory]
    [InlineData("nobody", new[] { 1 }, "there is no input 'nobody'")]
    [InlineData("x", new[] { 1, 2, 3 }, "input 'x' is x F32 [N, 4], not [1, 2, 3]")]
    [InlineData("x", new[] { 1, 5 }, "not [1, 5]")]
    [InlineData("", new[] { 1, 4 }, "--input NAME=")]
    [InlineData("y", new[] { 0, 4 }, "input 'y' is y F32 [A, B], and [0, 4] would have no entries")]
    [InlineData("y", new[] { 100_000, 100_000 }, "more than 268,435,456 elements")]
    public void Of_SizesThatDontFit_NamesTheInput(string name, int[] sizes, string says)
    {
        using var folder = new TempFolder();
        var module = Open(folder, ("x", DType.F32, ["N", "4"]), ("y", DType.F32, ["A", "B"]));
        var error = Assert.Throws<OnnxException>(() => OnnxExamples.Of(module, new Dictionary<string, Shape> { [name] = Shape.Create(sizes) }));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains("m.onnx", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_AnInputWithoutAxes_AsksForThem()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<OnnxException>(() => OnnxExamples.Of(Open(folder, ("x", DType.F32, null))));
        Assert.Contains("--input x=", error.Message, StringComparison.Ordinal);
    }

    private static OnnxModule Open(TempFolder folder, params (string Name, DType DType, string?[]? Dims)[] inputs)
    {
        var graph = new GraphProto { Name = "g" };
        foreach (var (name, dtype, dims) in inputs)
        {
            graph.Inputs.Add(dims is null
                ? new() { Name = name, Type = new() { Tensor = new() { ElementType = dtype.ToOnnx() } } }
                : ValueInfoProto.From(name, dtype.ToOnnx(), dims.Select(dim =>
                    long.TryParse(dim, out var size) ? new Dimension { Value = size } : new Dimension { Param = dim })));
            graph.Nodes.Add(new() { OpType = "Identity", Inputs = { name }, Outputs = { name + "_out" } });
            graph.Outputs.Add(new() { Name = name + "_out" });
        }
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 17 });
        OnnxFile.Save(model, folder["m.onnx"]);
        using var file = OnnxFile.Open(folder["m.onnx"]);
        return new(file);
    }
}
