using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Onnx;

namespace Coppice.Tests.Pruning.Onnx;

public sealed class OnnxPruningTests
{
    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");

    [Theory]
    [InlineData("model.onnx", true, "holds weights of the input")]
    [InlineData("other.onnx", false, "other.onnx.data: the output exists already")]
    public void Save_BesideDataThatIsNeeded_LeavesIt(string output, bool overwrite, string message)
    {
        using var folder = new TempFolder();
        folder.Write("model.onnx.data", new byte[4 * 8 * sizeof(float)]);
        folder.Write("other.onnx.data", [7]);
        byte[] shape = Wire.Bytes(2, Wire.Bytes(1, Wire.Number(1, 1)), Wire.Bytes(1, Wire.Number(1, 4)));
        var path = folder.Write("original.onnx",
        [
            .. Wire.Model(Wire.Bytes(1, Wire.Text(1, "x"), Wire.Text(1, "w"), Wire.Text(2, "y"), Wire.Text(4, "MatMul")),
                Wire.Bytes(5, Wire.Number(1, 4), Wire.Number(1, 8), Wire.Number(2, 1), Wire.Text(8, "w"), Wire.External("model.onnx.data")),
                Wire.Bytes(11, Wire.Text(1, "x"), Wire.Bytes(2, Wire.Bytes(1, Wire.Number(1, 1), shape))), Wire.Bytes(12, Wire.Text(1, "y"))),
            .. Wire.Bytes(8, Wire.Number(2, 17)),
        ]);
        var before = folder.Names().Select(name => (name, File.ReadAllBytes(folder[name]))).ToList();
        var pruning = OnnxPruning.Open(path);
        var error = Assert.Throws<CheckpointException>(() => pruning.Save(new Removal(pruning.Dependencies), folder[output], overwrite));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, folder.Names().Select(name => (name, File.ReadAllBytes(folder[name]))), (a, b) => a.name == b.name && a.Item2.SequenceEqual(b.Item2));
    }

    [Fact]
    public void Open_MnistModel_FindsTheChannelsOfBothConvolutions()
    {
        var groups = OnnxPruning.Open(Mnist).Dependencies.Groups;
        Assert.Equal([8, 16], groups.Select(group => group.Size).Order());
        Assert.Contains(groups,
            group => group.Members.Select(member => member.Value.Name).SequenceEqual(["Parameter5", "Parameter6", "Parameter87"]));
    }

    [Fact]
    public void Save_QuarterOfMnistModel_StillReadsDigits()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Mnist);
        var removal = new GroupPruning { Ratio = 0.25 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var model = new OnnxModule(file);
        Assert.Equal<Shape>([6, 1, 5, 5], model.Parameter("Parameter5").Shape);
        Assert.Equal<Shape>([12, 4, 4, 10], model.Parameter("Parameter193").Shape);
        Assert.True(Right(model, 200) > 100); // 10 % are right by chance
    }

    [Fact]
    public void Verify_Removal_AgreesWithSaveAndLeavesThePruningUsable()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Mnist, new Dictionary<string, Shape> { ["Input3"] = [1, 1, 28, 28] }, seed: 4);
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        var verified = pruning.Verify(removal);
        Assert.Equal(verified.LargestDifference, pruning.Save(removal, folder["small.onnx"]).LargestDifference);
        Assert.Equal([folder["small.onnx"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Save_OverItself_IsRefused()
    {
        using var folder = new TempFolder();
        File.Copy(Mnist, folder["model.onnx"]);
        var pruning = OnnxPruning.Open(folder["model.onnx"]);
        Assert.Throws<CheckpointException>(() => pruning.Save(new Removal(pruning.Dependencies), folder["model.onnx"], overwrite: true));
        Assert.Equal(File.ReadAllBytes(Mnist), File.ReadAllBytes(folder["model.onnx"]));
    }

    [Fact]
    public void Save_GroupedConvolution_RewritesItsGroups()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Conv", ["a", "w2"], "b", AttributeProto.From("group", 6L));
        Add(graph, "Conv", ["b", "w3"], "y");
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [6, 1, 1, 1]), ("w3", [3, 6, 1, 1]));
        Remove(pruning, folder, 1, 4);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal(4, file.Model.Graph!.Nodes[1].Attribute("group")!.Int);
        Assert.Equal([4, 1, 1, 1], file.Model.Graph.Initializers.Single(tensor => tensor.Name == "w2").Dims);
    }

    [Fact]
    public void Save_SplitIntoParts_RewritesEachSize()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        graph.Nodes.Add(TinyOnnx.Node("Split", ["a", "sizes"], ["b", "c"], AttributeProto.From("axis", 1L)));
        Add(graph, "Conv", ["b", "w2"], "d");
        Add(graph, "Conv", ["c", "w3"], "e");
        Add(graph, "Add", ["d", "e"], "y");
        Numbers(graph, "sizes", 2, 4);
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [3, 2, 1, 1]), ("w3", [3, 4, 1, 1]));
        Assert.Equal([2, 4], pruning.Dependencies.Groups.Select(group => group.Size).Order());
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => group.Size == 4), [0, 2, 3]);
        pruning.Save(removal, folder["small.onnx"]);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var split = file.Model.Graph!.Nodes.Single(node => node.OpType == "Split").Inputs[1];
        Assert.Equal([2, 1], file.Model.Graph.Initializers.Single(tensor => tensor.Name == split).Source().ToTensor().ToArray<long>());
        Assert.DoesNotContain(file.Model.Graph.Initializers, tensor => tensor.Name == "sizes");
    }

    [Fact]
    public void Save_ReshapeToComputedSizes_ReplacesTheConstantOne()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Shape", ["a"], "s");
        Add(graph, "Gather", ["s", "zero"], "batch");
        Add(graph, "Concat", ["batch", "width"], "target", AttributeProto.From("axis", 0L));
        Add(graph, "Reshape", ["a", "target"], "flat");
        Add(graph, "MatMul", ["flat", "w2"], "y");
        Numbers(graph, "zero", 0);
        Numbers(graph, "width", 24);
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [24, 3]));
        Remove(pruning, folder, 0, 5);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal<Shape>([5, 3], new OnnxModule(file).Forward(Tensor.Full([5, 2, 2, 2], 1))[0].Shape);
    }

    [Fact]
    public void Save_SizesComputedFromAnother_AreScaled()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Shape", ["a"], "sizes");
        Add(graph, "Gather", ["sizes", "one"], "channels");
        Add(graph, "Div", ["channels", "heads"], "each");
        Add(graph, "Concat", ["copy", "heads", "each", "rest"], "target", AttributeProto.From("axis", 0L));
        Add(graph, "Reshape", ["a", "target"], "split");
        Add(graph, "Cast", ["each"], "number", AttributeProto.From("to", 1L));
        Add(graph, "Mul", ["split", "number"], "scaled");
        Add(graph, "Reshape", ["scaled", "flat"], "f");
        Add(graph, "MatMul", ["f", "w2"], "y");
        Numbers(graph, "one", 1);
        Numbers(graph, "heads", 3);
        Numbers(graph, "copy", 0);
        Numbers(graph, "rest", -1);
        Numbers(graph, "flat", 0, -1);
        var pruning = Opened(folder, graph, ("w1", [12, 2, 1, 1]), ("w2", [48, 3]));
        Assert.Equal([3, 4], pruning.Dependencies.Groups.Select(group => group.Size));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups[0], [1]);
        removal.Remove(pruning.Dependencies.Groups[1], [0]);
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var small = new OnnxModule(file);
        Assert.Equal<Shape>([6, 2, 1, 1], small.Parameter("w1").Shape);
        Assert.Equal<Shape>([5, 3], small.Forward(Tensor.Full([5, 2, 2, 2], 1))[0].Shape);
    }

    [Fact]
    public void Save_SliceToAComputedHalf_EndsWhereTheKeptOnesDo()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Shape", ["a"], "sizes");
        Add(graph, "Gather", ["sizes", "one"], "channels");
        Add(graph, "Div", ["channels", "two"], "half");
        Add(graph, "Slice", ["a", "zero", "half", "one"], "b");
        Add(graph, "Slice", ["a", "half", "channels", "one"], "c");
        Add(graph, "Conv", ["b", "w2"], "d");
        Add(graph, "Conv", ["c", "w3"], "e");
        Add(graph, "Add", ["d", "e"], "y");
        Numbers(graph, "zero", 0);
        Numbers(graph, "one", 1);
        Numbers(graph, "two", 2);
        var pruning = Opened(folder, graph, ("w1", [8, 2, 1, 1]), ("w2", [3, 4, 1, 1]), ("w3", [3, 4, 1, 1]));
        Assert.Equal([4, 4], pruning.Dependencies.Groups.Select(group => group.Size));
        Remove(pruning, folder, 0, 1, 3);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal<Shape>([5, 2, 1, 1], new OnnxModule(file).Parameter("w1").Shape);
    }

    [Fact]
    public void Save_SplitOfComputedSizes_KeepsWhatIsLeftOfEachPart()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Shape", ["a"], "sizes");
        Add(graph, "Gather", ["sizes", "one"], "channels");
        Add(graph, "Div", ["channels", "four"], "quarter");
        Add(graph, "Sub", ["channels", "quarter"], "most");
        Add(graph, "Concat", ["most", "quarter"], "parts", AttributeProto.From("axis", 0L));
        graph.Nodes.Add(TinyOnnx.Node("Split", ["a", "parts"], ["b", "c"], AttributeProto.From("axis", 1L)));
        Add(graph, "Conv", ["b", "w2"], "d");
        Add(graph, "Conv", ["c", "w3"], "e");
        Add(graph, "Add", ["d", "e"], "y");
        Numbers(graph, "one", 1);
        Numbers(graph, "four", 4);
        var pruning = Opened(folder, graph, ("w1", [8, 2, 1, 1]), ("w2", [3, 6, 1, 1]), ("w3", [3, 2, 1, 1]));
        Assert.Equal([6, 2], pruning.Dependencies.Groups.Select(group => group.Size));
        Remove(pruning, folder, 1, 3);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal<Shape>([6, 2, 1, 1], new OnnxModule(file).Parameter("w1").Shape);
    }

    [Fact]
    public void Save_DetectorThatChoosesByValue_IsPrunedUpToThere()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Conv", ["a", "w2"], "scores");
        Add(graph, "Greater", ["scores", "threshold"], "chosen");
        Add(graph, "NonZero", ["chosen"], "places");
        Add(graph, "OperatorThatIsNotKnown", ["places", "w3"], "y");
        graph.Initializers.Add(TensorProto.From(TensorSource.From("threshold", Tensor.Full([], 0.1f))));
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [3, 6, 1, 1]), ("w3", [6, 2]));
        Remove(pruning, folder, 2);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal("OperatorThatIsNotKnown", file.Model.Graph!.Nodes[^1].OpType);
        Assert.Equal([5, 3, 6], file.Model.Graph.Initializers.Where(tensor => tensor.Name![0] == 'w').Select(tensor => (int)tensor.Dims[0]));
    }

    [Fact]
    public void Open_WeightReadBehindAChoiceByValue_KeepsAllItsIndices()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Conv", ["a", "w2"], "scores");
        Add(graph, "NonZero", ["scores"], "places");
        Add(graph, "OperatorThatIsNotKnown", ["places", "w2"], "y");
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [3, 6, 1, 1]));
        Assert.Empty(pruning.Dependencies.Groups);
        Assert.Contains(pruning.Dependencies.Pinned,
            axis => axis is { Tensor: "w1", Axis: 0 } && axis.Reason.Contains("chosen by value", StringComparison.Ordinal));
    }

    [Fact]
    public void Save_ShufflesOfOddWidth_LosesUnits()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Conv", ["x", "w2"], "b");
        Add(graph, "Concat", ["a", "b"], "ab", AttributeProto.From("axis", 1L));
        Add(graph, "Reshape", ["ab", "pairs"], "p");
        Add(graph, "Transpose", ["p"], "q", AttributeProto.From("perm", [0L, 2, 1, 3, 4]));
        Add(graph, "Reshape", ["q", "merged"], "m");
        graph.Nodes.Add(TinyOnnx.Node("Split", ["m"], ["d", "e"], AttributeProto.From("axis", 1L)));
        Add(graph, "Conv", ["d", "w3"], "f");
        Add(graph, "Conv", ["e", "w4"], "g");
        Add(graph, "Add", ["f", "g"], "y");
        Numbers(graph, "pairs", 0, 2, 5, 2, 2);
        Numbers(graph, "merged", 0, -1, 2, 2);
        var pruning = Opened(folder, graph, ("w1", [5, 2, 1, 1]), ("w2", [5, 2, 1, 1]), ("w3", [3, 5, 1, 1]), ("w4", [3, 5, 1, 1]));
        var group = Assert.Single(pruning.Dependencies.Groups);
        Remove(pruning, folder, 0, group.Size - 1);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal<Shape>([3, 2, 1, 1], new OnnxModule(file).Parameter("w1").Shape);
    }

    [Fact]
    public void Open_BiasSharedByTwoLayers_DoesNotTieThem()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1", "bias"], "a");
        Add(graph, "Relu", ["a"], "b");
        Add(graph, "Conv", ["b", "w2", "bias"], "c");
        Add(graph, "Conv", ["c", "w3"], "y");
        var pruning = Opened(folder, graph, ("w1", [4, 2, 1, 1]), ("w2", [4, 4, 1, 1]), ("w3", [2, 4, 1, 1]), ("bias", [4]));
        Assert.Equal(2, pruning.Dependencies.Groups.Count);
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups[0], [0]);
        pruning.Save(removal, folder["small.onnx"]);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal([3, 4], file.Model.Graph!.Initializers.Where(tensor => tensor.Name!.StartsWith("bias", StringComparison.Ordinal))
            .Select(tensor => (int)tensor.Dims[0]).Order());
    }

    [Fact]
    public void Save_SizeInABranch_IsRewritten()
    {
        using var folder = new TempFolder();
        var pruning = OpenedBranches(folder, Branch("other", TinyOnnx.Node("ConstantOfShape", ["target"], ["z"])));
        Remove(pruning, folder, 0, 5);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal<Shape>([1, 3], new OnnxModule(file).Forward(Tensor.Full([1, 2, 2, 2], 1))[0].Shape);
        var target = file.Model.Graph!.Nodes.Single(node => node.OpType == "If").Attribute("then_branch")!.Graph!.Nodes[0].Inputs[1];
        Assert.Equal([1, 16], file.Model.Graph.Initializers.Single(tensor => tensor.Name == target).Source().ToTensor().ToArray<long>());
    }

    [Fact]
    public void Save_ChannelsTakenByNumber_NumbersThemAnew()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        Add(graph, "Gather", ["a", "shuffle"], "b", AttributeProto.From("axis", 1L));
        Add(graph, "Conv", ["b", "w2"], "y");
        Numbers(graph, "shuffle", 0, 2, 4, 1, 3, 5);
        var pruning = Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [3, 6, 1, 1]));
        Assert.Equal(["2", "3"], pruning.Dependencies.Groups.Select(group => $"{group.Size}").Order());
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => group.Size == 3), [1]);
        pruning.Save(removal, folder["small.onnx"]);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var positions = file.Model.Graph!.Nodes.Single(node => node.OpType == "Gather").Inputs[1];
        Assert.Equal([0, 2, 1, 3], file.Model.Graph.Initializers.Single(tensor => tensor.Name == positions).Source().ToTensor().ToArray<long>());
    }

    private static OnnxPruning OpenedBranches(TempFolder folder, GraphProto other)
    {
        var graph = new GraphProto { Name = "g" };
        Add(graph, "Conv", ["x", "w1"], "a");
        var taken = Branch("taken", TinyOnnx.Node("Reshape", ["a", "target"], ["r"]));
        graph.Nodes.Add(TinyOnnx.Node("If", ["yes"], ["flat"],
            new AttributeProto { Name = "then_branch", Type = AttributeType.Graph, Graph = taken },
            new AttributeProto { Name = "else_branch", Type = AttributeType.Graph, Graph = other }));
        Add(graph, "MatMul", ["flat", "w2"], "y");
        Numbers(graph, "target", 1, 24);
        graph.Initializers.Add(TensorProto.From(TensorSource.From("yes", Tensor.From<bool>([true], []))));
        return Opened(folder, graph, ("w1", [6, 2, 1, 1]), ("w2", [24, 3]));
    }

    private static GraphProto Branch(string name, NodeProto node)
    {
        var branch = new GraphProto { Name = name };
        branch.Nodes.Add(node);
        branch.Outputs.Add(new() { Name = node.Outputs[0] });
        return branch;
    }

    private static void Remove(OnnxPruning pruning, TempFolder folder, params int[] indices)
    {
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups[0], indices);
        pruning.Save(removal, folder["small.onnx"]);
    }

    private static OnnxPruning Opened(TempFolder folder, GraphProto graph, params (string Name, int[] Shape)[] weights)
    {
        var random = new RandomSource(1);
        foreach (var (name, shape) in weights)
        {
            var tensor = Tensor.Empty(Shape.Create(shape));
            foreach (ref var value in tensor.AsSpan<float>())
                value = 2 * random.NextSingle() - 1;
            graph.Initializers.Add(TensorProto.From(TensorSource.From(name, tensor)));
        }
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float,
            [new() { Param = "batch" }, .. Enumerable.Repeat(2, 3).Select(size => new Dimension { Value = size })]));
        graph.Outputs.Add(new() { Name = "y" });
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 17 });
        OnnxFile.Save(model, folder["model.onnx"]);
        return OnnxPruning.Open(folder["model.onnx"]);
    }

    private static void Add(GraphProto graph, string op, string[] inputs, string output, params AttributeProto[] attributes) =>
        graph.Nodes.Add(TinyOnnx.Node(op, inputs, [output], attributes));

    private static void Numbers(GraphProto graph, string name, params long[] values) =>
        graph.Initializers.Add(TensorProto.From(TensorSource.From(name, Tensor.From<long>(values, [values.Length]))));

    private static int Right(OnnxModule model, int count)
    {
        var data = ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz")).Take(count);
        return Enumerable.Range(0, data.Count).Count(i =>
        {
            using var scope = new TensorScope();
            var image = Tensor.From<float>(Array.ConvertAll(data.Pixels(i).ToArray(), pixel => (float)pixel), [1, 1, 28, 28]);
            return model.Forward(image)[0].ArgMax().ToArray<long>()[0] == data.Labels[i];
        });
    }
}
