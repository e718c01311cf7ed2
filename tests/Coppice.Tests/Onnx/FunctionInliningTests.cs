using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Onnx;

public sealed class FunctionInliningTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Each call has its own values and attributes; what it leaves out is the default, or absent.</summary>
    [Fact]
    public void Open_CallsWithAttributes_GivesEachItsOwn()
    {
        var scale = Function("Scale", ["x"], ["y"], Node("Constant", [], ["c"], Reference("value_float", "by")), Node("Mul", ["x", "c"], ["y"]));
        scale.Defaults.Add(AttributeProto.From("by", 3f));
        var model = Model([Own("Scale", ["x"], ["a"], AttributeProto.From("by", 2f)), Own("Scale", ["a"], ["b"]),
            Own("Scale", ["b"], ["y"], AttributeProto.From("by", -1f))], scale);
        Assert.Equal([-6f, -12f], Run(model, 1, 2));
        using var file = OnnxFile.Open(_folder["model.onnx"]);
        Assert.Empty(file.Model.Functions);
        Assert.Equal(6, file.Model.Graph!.Nodes.Count);
        Assert.Equal(6, file.Model.Graph.Nodes.SelectMany(node => node.Outputs).Distinct().Count());
    }

    [Fact]
    public void Open_FunctionThatCallsAnotherTwice_KeepsTheirValuesApart()
    {
        var square = Function("PlusSquare", ["x"], ["y"], Node("Mul", ["x", "x"], ["t"]), Node("Add", ["x", "t"], ["y"]));
        var twice = Function("Twice", ["x"], ["y"], Own("PlusSquare", ["x"], ["t"]), Own("PlusSquare", ["t"], ["y"]));
        Assert.Equal([42f, 2f * 3 * (1 + 2 * 3)], Run(Model([Own("Twice", ["x"], ["y"])], twice, square), 2, -3));
    }

    [Fact]
    public void Open_FunctionWithBranches_RenamesWhatTheyReadAndMake()
    {
        var choose = Function("Choose", ["x", "which"], ["y"], Node("Neg", ["x"], ["t"]), Node("If", ["which"], ["y"],
            Body("then_branch", [], ["r"], Node("Add", ["t", "t"], ["r"])), Body("else_branch", [], ["r"], Node("Add", ["x", "x"], ["r"]))));
        var model = Model([Own("Choose", ["x", "yes"], ["t"]), Own("Choose", ["t", "no"], ["y"])], choose);
        model.Graph!.Initializers.AddRange([Stored("yes", true), Stored("no", false)]);
        Assert.Equal([-4f, -8f], Run(model, 1, 2));
    }

    [Fact]
    public void Open_OutputThatIsAnInputOrThereTwice_IsPassedOn()
    {
        var pair = Function("Pair", ["x"], ["x", "y", "y"], Node("Neg", ["x"], ["y"]));
        var node = Own("Pair", ["x"], ["a", "b"]);
        node.Outputs.Add("c");
        Assert.Equal([-1f, -2f], Run(Model([node, Node("Add", ["a", "b"], ["zero"]), Node("Add", ["zero", "c"], ["y"])], pair), 1, 2));
    }

    [Fact]
    public void Open_Overloads_AreToldApart()
    {
        var (negate, add) = (Function("F", ["x"], ["y"], Node("Neg", ["x"], ["y"])), Function("F", ["x"], ["y"], Node("Add", ["x", "x"], ["y"])));
        add.Overload = "twice";
        var call = Own("F", ["x"], ["t"]);
        call.Overload = "twice";
        Assert.Equal([-2f, -4f], Run(Model([call, Own("F", ["t"], ["y"])], negate, add), 1, 2));
    }

    /// <summary>Two blocks by one function, pruned to other sizes.</summary>
    [Fact]
    public void Prune_LayersInFunctions_GetSizesOfTheirOwn()
    {
        var block = Function("Block", ["x", "w"], ["y"], Node("Conv", ["x", "w"], ["c"]), Node("Relu", ["c"], ["r"]),
            Node("Reshape", ["r", "sizes"], ["y"]));
        block.Nodes.Insert(0, Node("Constant", [], ["sizes"], AttributeProto.From("value_ints", [1L, 6, 2, 2])));
        var net = new TinyOnnx().Weight("w1", 6, 2, 1, 1).Weight("w2", 6, 6, 1, 1).Weight("w3", 3, 6, 1, 1);
        net.Graph.Nodes.AddRange([Own("Block", ["x", "w1"], ["a"]), Own("Block", ["a", "w2"], ["b"]), Node("Conv", ["b", "w3"], ["y"])]);
        var path = net.Save(_folder["plain.onnx"], 1, 2, 2, 2);
        var model = new ModelProto { IrVersion = 8, Graph = net.Graph };
        model.OpsetImports.AddRange([new() { Domain = "", Version = 17 }, new() { Domain = "own", Version = 1 }]);
        model.Functions.Add(block);
        OnnxFile.Save(model, path, overwrite: true);
        var pruning = OnnxPruning.Open(path);
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups[0], [1]);
        removal.Remove(pruning.Dependencies.Groups[1], [0, 2]);
        Assert.InRange(pruning.Save(removal, _folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(_folder["small.onnx"]);
        Assert.Equal<Shape>([4, 5, 1, 1], new OnnxModule(file).Parameter("w2").Shape);
    }

    [Fact]
    public void Open_FunctionsThatCallThemselves_IsRefused()
    {
        Refused("own.A calls itself", Function("A", ["x"], ["y"], Own("A", ["x"], ["y"])));
        Refused("own.A calls itself", Function("A", ["x"], ["y"], Own("B", ["x"], ["y"])), Function("B", ["x"], ["y"], Own("A", ["x"], ["y"])));
    }

    [Fact]
    public void Open_FunctionsThatMakeTooMuch_AreRefused()
    {
        Refused("more than 250,000 nodes", [.. Enumerable.Range(0, 30).Select(i => Function(i == 0 ? "A" : $"A{i}", ["x"], ["y"],
            Own($"A{i + 1}", ["x"], ["t"]), Own($"A{i + 1}", ["t"], ["y"])))]);
        Refused("more than 100 deep", [.. Enumerable.Range(0, 120).Select(i => Function(i == 0 ? "A" : $"A{i}", ["x"], ["y"],
            Own($"A{i + 1}", ["x"], ["y"])))]);
    }

    [Fact]
    public void Open_FunctionsThatDontFit_AreRefused()
    {
        Refused("there are two functions own.A", Function("A", ["x"], ["y"]), Function("A", ["x"], ["y"]));
        Refused("gives 1 inputs and takes 1 outputs; function own.A has 0 and 1", Function("A", [], ["y"]));
        var old = Function("A", ["x"], ["y"], Node("Neg", ["x"], ["y"]));
        old.OpsetImports.Add(new() { Version = 9 });
        Refused("function own.A is written in version 9 of '', the model in 17", old);
    }

    private void Refused(string says, params FunctionProto[] functions)
    {
        OnnxFile.Save(Model([Own("A", ["x"], ["y"])], functions), _folder["bad.onnx"], overwrite: true);
        Assert.Contains(says, Assert.Throws<OnnxException>(() => OnnxFile.Open(_folder["bad.onnx"])).Message, StringComparison.Ordinal);
    }

    private float[] Run(ModelProto model, params float[] x)
    {
        OnnxFile.Save(model, _folder["model.onnx"]);
        using var file = OnnxFile.Open(_folder["model.onnx"]);
        return new OnnxModule(file).Forward(Tensor.From<float>(x, [x.Length]))[0].ToArray<float>();
    }

    private static ModelProto Model(NodeProto[] nodes, params FunctionProto[] functions)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new() { Name = "g" } };
        model.Graph.Nodes.AddRange(nodes);
        model.Graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, [new() { Param = "n" }]));
        model.Graph.Outputs.Add(new() { Name = "y" });
        model.OpsetImports.AddRange([new() { Domain = "", Version = 17 }, new() { Domain = "own", Version = 1 }]);
        model.Functions.AddRange(functions);
        return model;
    }

    private static FunctionProto Function(string name, string[] inputs, string[] outputs, params NodeProto[] nodes)
    {
        var function = new FunctionProto { Name = name, Domain = "own" };
        function.Inputs.AddRange(inputs);
        function.Outputs.AddRange(outputs);
        function.Nodes.AddRange(nodes);
        return function;
    }

    private static NodeProto Own(string op, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = Node(op, inputs, outputs, attributes);
        node.Domain = "own";
        return node;
    }

    private static AttributeProto Reference(string name, string callers) => new() { Name = name, Type = AttributeType.Float, RefAttrName = callers };

    private static TensorProto Stored(string name, bool value) =>
        TensorProto.From(TensorSource.From(name, Tensor.From<bool>([value], [])));
}
