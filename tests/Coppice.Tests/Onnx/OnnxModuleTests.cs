using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Tests.Onnx;

public sealed class OnnxModuleTests
{
    [Fact]
    public void Forward_MnistModel_ReadsDigits()
    {
        var model = Open("mnist_cntk.onnx");
        var data = ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz")).Take(300);
        var right = 0;
        for (var i = 0; i < data.Count; i++)
        {
            using var scope = new TensorScope();
            right += model.Forward(Image(data, i))[0].ArgMax().ToArray<long>()[0] == data.Labels[i] ? 1 : 0;
        }
        Assert.InRange(right, 295, 300); // 98.91 % of all 10,000
    }

    [Fact]
    public void Forward_SileroModel_GivesWhatOnnxRuntimeGives()
    {
        var model = Open("silero_vad_16k_op15.onnx");
        Assert.Equal("input F32 [batch, sequence]; state F32 [2, batch, 128]; sr I64 []", string.Join("; ", model.Inputs));
        var random = new Random(1);
        var outputs = model.Forward(Uniform(random, [1, 512]), Uniform(random, [2, 1, 128]), Tensor.From<long>([16000], []));
        Assert.Equal(0.0005999448, outputs[0].Item<float>(), 1e-6);
        Assert.Equal(57.1923, outputs[1].ToArray<float>().Sum(), 1e-3);
    }

    [Fact]
    public void Forward_OnATape_GivesGradientsToTheFilesWeights()
    {
        var model = Open("mnist_cntk.onnx");
        using var tape = new Tape();
        tape.Backward(model.Forward(Tensor.Full([1, 1, 28, 28], 100))[0].CrossEntropy(Tensor.From<long>([3], [1])));
        Assert.All(["Parameter5", "Parameter87", "Parameter193"], name =>
            Assert.Contains(model.Parameter(name).Gradient!.ToArray<float>(), value => value != 0));
    }

    [Fact]
    public void Forward_ThatRecycles_KeepsNothingButOutputsEvenOnATape()
    {
        var model = Open("mnist_cntk.onnx");
        var made = new List<Tensor>();
        using var tape = new Tape();
        var output = model.Forward([Tensor.Full([1, 1, 28, 28], 100)], null, recycles: true,
            revise: (_, _, _, outputs) => made.AddRange(outputs.OfType<Tensor>()))[0];
        Assert.Equal(10, output.ToArray<float>().Length);
        var gone = made.Where(tensor => tensor.Shape.Rank == 4).ToList(); // what depends on the image, and no view of a weight
        Assert.Equal(8, gone.Count);
        Assert.All(gone, tensor => Assert.Throws<ObjectDisposedException>(() => tensor.ToArray<float>()));
    }

    [Fact]
    public void Forward_MaskedWeight_IsLeftOut()
    {
        var model = Open("mnist_cntk.onnx");
        var x = Tensor.Full([1, 1, 28, 28], 100);
        var before = model.Forward(x)[0].ToArray<float>();
        model.Parameter("Parameter193").SetMask(Tensor.Zeros(model.Parameter("Parameter193").Shape));
        Assert.NotEqual(before, model.Forward(x)[0].ToArray<float>());
        Assert.Equal(model.Parameter("Parameter194").Data.ToArray<float>(), model.Forward(x)[0].ToArray<float>());
    }

    [Fact]
    public void Trace_OfAModel_ComputesTheSame()
    {
        var model = Open("mnist_cntk.onnx");
        var x = Uniform(new Random(2), [1, 1, 28, 28]);
        var graph = GraphTracer.Trace(model, inputs => model.Forward(inputs), new TraceInput("image", x));
        Assert.Equal(model.Forward(x)[0].ToArray<float>(), new GraphModule(graph).Forward(x)[0].ToArray<float>());
        Assert.Contains(graph.Values.OfType<ParameterValue>(), value => value.Name == "Parameter87");
    }

    [Fact]
    public void Trace_ShapeArithmetic_FollowsTheBatch()
    {
        var model = Open(Flattening());
        var graph = GraphTracer.Trace(model, inputs => model.Forward(inputs), new TraceInput("x", Uniform(new Random(3), [4, 2, 3]), "batch"));
        var larger = Uniform(new Random(4), [5, 2, 3]);
        Assert.Equal(larger.ToArray<float>(), new GraphModule(graph).Forward(larger)[0].ToArray<float>());
        Assert.Equal<Shape>([5, 6], new GraphModule(graph).Forward(larger)[0].Shape);
    }

    [Fact]
    public void Open_UnknownOperators_NamesAll()
    {
        var model = OneNode.Model("Fancy", [Tensor.Zeros([1])], 1, 17);
        model.Graph!.Nodes.Add(new() { OpType = "Relu", Domain = "com.example" });
        model.Graph.Nodes.Add(new() { OpType = "Fancy" });
        Assert.Contains("operators that are not supported: Fancy (2 times), com.example.Relu",
            Assert.Throws<OnnxException>(() => Open(model)).Message);
    }

    [Fact]
    public void Open_InputThatIsNoTensor_IsRefused()
    {
        var model = OneNode.Model("Identity", [Tensor.Zeros([1])], 1, 17);
        model.Graph!.Inputs[0].Type = new();
        Assert.Contains("'x0' is no tensor", Assert.Throws<OnnxException>(() => Open(model)).Message);
    }

    [Fact]
    public void Forward_WrongInput_NamesBoth()
    {
        var model = Open("mnist_cntk.onnx");
        var error = Assert.Throws<ArgumentException>(() => model.Forward(Tensor.Zeros([1, 28, 28])));
        Assert.Equal("The model's input Input3 F32 [1, 1, 28, 28] is given as F32 [1, 28, 28]; give it that type and those sizes.", error.Message);
        Assert.Throws<ArgumentException>(() => model.Forward());
    }

    [Fact]
    public void Forward_NodeThatDoesNotFit_IsNamed()
    {
        var error = Assert.Throws<OnnxException>(() => OneNode.Run("Add", [Tensor.Zeros([2]), Tensor.Zeros([3])]));
        Assert.Contains("node Add 'n': Add(F32 [2], F32 [3]): sizes at axis 1", error.Message);
    }

    [Theory]
    [InlineData("ConstantOfShape", new[] { 1L << 20, 1L << 20 }, "over the limit of 268435456 elements")]
    [InlineData("ConstantOfShape", new[] { long.MaxValue, long.MaxValue, long.MaxValue }, "node ConstantOfShape 'n'")]
    [InlineData("ConstantOfShape", new[] { -1L }, "node ConstantOfShape 'n'")]
    [InlineData("Reshape", new[] { 1L }, "shape is missing")]
    public void Forward_HostileSizes_AreRefused(string op, long[] sizes, string message) => Assert.Contains(message,
        Assert.Throws<OnnxException>(() => OneNode.Run(op, [Tensor.From<long>(sizes, [sizes.Length])])).Message);

    public static TheoryData<string, Tensor[], AttributeProto[]> Makers => new()
    {
        { "OneHot", [Ints(0), Ints(1 << 30), Tensor.Zeros([2])], [] },
        { "OneHot", [Ints(0, 0, 0, 0, 0), Ints(1 << 27), Tensor.Zeros([2])], [] },
        { "Tile", [Tensor.Zeros([1]), Ints(1 << 30)], [] },
        { "Expand", [Tensor.Zeros([1]), Ints(1 << 30)], [] },
        { "Pad", [Tensor.Zeros([1]), Ints(0, 1 << 30)], [] },
        { "Pad", [Tensor.Zeros([1]), Ints(0, 1 << 30)], [AttributeProto.From("mode", "edge")] },
        { "Pad", [Tensor.Zeros([1]), Ints(int.MaxValue, int.MaxValue)], [AttributeProto.From("mode", "edge")] },
        { "Resize", [Tensor.Zeros([1]), Tensor.Zeros([0]), Tensor.Zeros([0]), Ints(1 << 30)], [] },
        { "Resize", [Tensor.Zeros([1, 1]), Tensor.Zeros([0]), Tensor.Zeros([0]), Ints(1 << 15, 1 << 15)], [] },
        { "RandomUniform", [], [AttributeProto.From("shape", [1 << 15, 1 << 15])] },
        { "RandomNormal", [], [AttributeProto.From("shape", [1 << 15, 1 << 15])] },
        { "Add", [Tensor.Zeros([1 << 15, 1]), Tensor.Zeros([1, 1 << 15])], [] },
        { "MatMul", [Tensor.Zeros([1 << 15, 1]), Tensor.Zeros([1, 1 << 15])], [] },
        { "Range", [Ints(0).Squeeze(0), Ints(1 << 29).Squeeze(0), Ints(1).Squeeze(0)], [] },
        { "ConvTranspose", [Tensor.Zeros([1, 1, 2]), Tensor.Zeros([1, 1, 1])], [AttributeProto.From("strides", [1 << 30])] },
        { "Conv", [Tensor.Zeros([1, 1, 2]), Tensor.Zeros([1, 1, 1])], [AttributeProto.From("pads", [1 << 30, 0])] },
        { "HannWindow", [Ints((1 << 29) - 1).Squeeze(0)], [] },
    };

    [Theory]
    [MemberData(nameof(Makers))]
    public void Forward_NodeThatMakesFarMoreThanItReads_IsRefused(string op, Tensor[] inputs, AttributeProto[] attributes)
    {
        if (op is "Add" or "MatMul")
            return; // their sizes are those of what they read
        Assert.Contains($"node {op} 'n'", Assert.Throws<OnnxException>(() => OneNode.Run(op, inputs, 1, 17, attributes)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Makers))]
    public void Open_NodeThatMakesFarMoreThanTheFileHolds_IsRefused(string op, Tensor[] inputs, AttributeProto[] attributes)
    {
        var model = OneNode.Model(op, inputs, 1, 17, attributes);
        var constants = inputs.Select((tensor, i) => TinyOnnx.Node("Constant", [], [$"x{i}"],
            new AttributeProto { Name = "value", Type = AttributeType.Tensor, Tensor = TensorProto.From(TensorSource.From("", tensor)) }));
        model.Graph!.Nodes.InsertRange(0, constants);
        model.Graph.Inputs.Clear();
        Assert.Contains($"node {op} 'n'", Assert.Throws<OnnxException>(() => Open(model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NodesThatDoubleAConstant_AreRefusedTogether()
    {
        var model = new TinyOnnx().Store("one", Tensor.From<long>([1], [1]));
        foreach (var i in Enumerable.Range(0, 40))
            model.Add("Concat", i == 0 ? ["one", "one"] : [$"c{i - 1}", $"c{i - 1}"], $"c{i}", AttributeProto.From("axis", 0L));
        using var folder = new TempFolder();
        using var file = OnnxFile.Open(model.Add("Identity", ["x"], "y").Save(folder["m.onnx"], 1));
        Assert.Contains("over the limit, of which", Assert.Throws<OnnxException>(() => new OnnxModule(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_MoreThanMemoryHolds_NamesTheNode() => Assert.Contains("node Add 'n': there is not enough memory",
        Assert.Throws<OnnxException>(() => OneNode.Run("Add", [Tensor.Zeros([1 << 24, 1]), Tensor.Zeros([1, 1 << 24])])).Message,
        StringComparison.Ordinal);

    private static Tensor Ints(params long[] values) => Tensor.From<long>(values, [values.Length]);

    private static OnnxModule Open(string name)
    {
        using var file = OnnxFile.Open(TestData.InRepository("samples", "models", "onnx", name));
        return new OnnxModule(file);
    }

    private static OnnxModule Open(ModelProto model)
    {
        using var folder = new TempFolder();
        OnnxFile.Save(model, folder["m.onnx"]);
        using var file = OnnxFile.Open(folder["m.onnx"]);
        return new OnnxModule(file);
    }

    /// <summary>x [batch, 2, 3] reshaped to the sizes [Shape(x)[0], -1].</summary>
    private static ModelProto Flattening()
    {
        var model = OneNode.Model("Shape", [Tensor.Zeros([1, 2, 3])], 1, 17);
        var graph = model.Graph!;
        graph.Inputs[0] = ValueInfoProto.From("x0", TensorDataType.Float, [new() { Param = "batch" }, new() { Value = 2 }, new() { Value = 3 }]);
        Add("Constant", [], "zero", AttributeProto.From("value_ints", [0L]));
        Add("Constant", [], "rest", AttributeProto.From("value_ints", [-1L]));
        Add("Gather", ["y0", "zero"], "first");
        Add("Concat", ["first", "rest"], "sizes", AttributeProto.From("axis", 0L));
        Add("Reshape", ["x0", "sizes"], "y");
        graph.Outputs[0].Name = "y";
        return model;

        void Add(string op, string[] inputs, string output, params AttributeProto[] attributes)
        {
            var node = new NodeProto { OpType = op };
            node.Inputs.AddRange(inputs);
            node.Outputs.Add(output);
            node.Attributes.AddRange(attributes);
            graph.Nodes.Add(node);
        }
    }

    private static Tensor Image(ImageData data, int image) =>
        Tensor.From<float>(Array.ConvertAll(data.Pixels(image).ToArray(), pixel => (float)pixel), [1, 1, 28, 28]);

    private static Tensor Uniform(Random random, Shape shape) =>
        Tensor.From<float>([.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle())], shape);
}
