using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Sizes and positions in the bodies of Loop, Scan and If.</summary>
public sealed class OnnxBodiesTests
{
    [Fact]
    public void Save_LoopThatReshapesWhatItCarries_GetsTheSizesThatAreLeft()
    {
        var body = Body("body", ["trip", "go", "s"], ["more", "image"],
            Node("Identity", ["go"], ["more"]),
            Node("Reshape", ["s", "flat"], ["row"]),
            Node("Relu", ["row"], ["positive"]),
            Node("Reshape", ["positive", "square"], ["image"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Loop", ["twice", "yes", "a"], "b", body).Add("Conv", ["b", "w2"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w2", 3, 6, 1, 1).Numbers("flat", 1, 24).Numbers("square", 1, 6, 2, 2)
            .Store("twice", Tensor.From<long>([2], [])).Store("yes", Tensor.From<bool>([true], []));
        var small = Smaller(net, 4, [0, 5]);
        Assert.Equal([1, 16], NumbersRead(small, "Reshape", 0));
        Assert.Equal([1, 4, 2, 2], NumbersRead(small, "Reshape", 1));
    }

    [Fact]
    public void Save_LoopThatSlicesWhatIsAroundIt_TakesTheIndicesThatAreLeft()
    {
        var body = Body("body", ["trip", "go", "s"], ["more", "sum"],
            Node("Identity", ["go"], ["more"]),
            Node("Slice", ["a", "zero", "two", "one"], ["first"]),
            Node("Add", ["s", "first"], ["sum"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Conv", ["x", "w3"], "c").Add("Loop", ["twice", "yes", "c"], "b", body)
            .Add("Conv", ["b", "w2"], "d").Add("Conv", ["a", "w4"], "e").Add("Add", ["d", "e"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w2", 3, 2, 1, 1).Weight("w3", 2, 2, 1, 1).Weight("w4", 3, 6, 1, 1)
            .Numbers("zero", 0).Numbers("one", 1).Numbers("two", 2)
            .Store("twice", Tensor.From<long>([2], [])).Store("yes", Tensor.From<bool>([true], []));
        var small = Smaller(net, 5, [1], group => group.Size == 2);
        Assert.Equal([1], NumbersRead(small, "Slice", 0, input: 2));
    }

    [Fact]
    public void Save_ScanThatFlattensEachPart_GetsTheSizesThatAreLeft()
    {
        var body = Body("body", ["part"], ["row"], Node("Reshape", ["part", "flat"], ["row"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Scan", ["a"], "rows", body, AttributeProto.From("num_scan_inputs", 1L))
            .Add("MatMul", ["rows", "w2"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w2", 24, 3).Numbers("flat", 24);
        Assert.Equal([16], NumbersRead(Smaller(net, 4, [2, 3]), "Reshape", 0));
    }

    [Fact]
    public void Save_BranchWithAConstantOfItsOwn_GetsTheSizesThatAreLeft()
    {
        var target = Tensor.From<long>([1, 24], [2]);
        var taken = Body("then_branch", [], ["r"],
            Node("Constant", [], ["t"], AttributeProto.From("value", TensorProto.From(TensorSource.From("", target)))),
            Node("Reshape", ["a", "t"], ["r"]));
        var other = Body("else_branch", [], ["z"], Node("ConstantOfShape", ["flat"], ["z"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("If", ["yes"], "f", taken, other).Add("MatMul", ["f", "w2"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w2", 24, 3).Numbers("flat", 1, 24).Store("yes", Tensor.From<bool>([true], []));
        Assert.Equal([1, 20], NumbersRead(Smaller(net, 5, [3]), "Reshape", 0));
    }

    [Fact]
    public void Save_WeightsInBranches_AreThoseOfTheBranchThatASettingLeadsTo()
    {
        using var folder = new TempFolder();
        var net = new TinyOnnx().Add("Equal", ["rate", "sixteen"], "yes")
            .Add("If", ["yes"], "y", Branch("then_branch", 6), Branch("else_branch", 5)).Store("sixteen", Tensor.From<long>([16], []));
        net.Graph.Inputs.Add(ValueInfoProto.From("rate", TensorDataType.Int64, []));
        var pruning = OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2), new Dictionary<string, Shape> { ["rate"] = [16] });
        var group = Assert.Single(pruning.Dependencies.Groups);
        Assert.Equal(6, group.Size);
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(group, [0, 2]);
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);

        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal([4, 4, 5, 5], file.Model.Graph!.Initializers.Where(tensor => tensor.Dims.Count == 4)
            .Select(tensor => tensor.Dims[tensor.Dims[0] == 3 ? 1 : 0]).Order());
        var (x, small, whole) = (Tensor.Full([1, 2, 2, 2], 0.3f), new OnnxModule(file), pruning.Module);
        Assert.Equal(Otherwise(whole), Otherwise(small));

        float[] Otherwise(OnnxModule module) => module.Forward(Tensor.From<long>([8], []), x)[0].ToArray<float>();

        static AttributeProto Branch(string name, int width)
        {
            var body = Body(name, [], ["r"], Node("Conv", ["x", "w1"], ["a"]), Node("Relu", ["a"], ["b"]), Node("Conv", ["b", "w2"], ["r"]));
            var stored = new TinyOnnx().Weight("w1", width, 2, 1, 1).Weight("w2", 3, width, 1, 1).Graph.Initializers;
            body.Graph!.Initializers.Add(stored[0]);
            body.Graph.Nodes.Insert(0, Node("Constant", [], ["w2"], AttributeProto.From("value", stored[1])));
            return body;
        }
    }

    /// <summary>The file without indices of a group; the rest of it is verified as it is written.</summary>
    private static GraphProto Smaller(TinyOnnx net, int left, int[] gone, Predicate<PruningGroup>? which = null)
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => which?.Invoke(group) ?? true), gone);
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var graph = file.Model.Graph!;
        Assert.Equal(left, graph.Initializers.Single(tensor => tensor.Name == "w1").Dims[0]);
        foreach (var tensor in graph.Initializers.Concat(Inner(graph).SelectMany(inner => inner.Nodes).SelectMany(node => node.Attributes)
            .Select(attribute => attribute.Tensor).OfType<TensorProto>()))
            tensor.SetData(TensorSource.From(tensor.Name ?? "", tensor.Source().ToTensor()));
        return graph;
    }

    private static IEnumerable<GraphProto> Inner(GraphProto graph) => graph.Nodes.SelectMany(node => node.Subgraphs());

    /// <summary>What an operator in a body reads as sizes.</summary>
    private static long[] NumbersRead(GraphProto graph, string op, int which, int input = 1)
    {
        var body = Inner(graph).First(inner => inner.Nodes.Exists(node => node.OpType == op));
        var name = body.Nodes.Where(node => node.OpType == op).ElementAt(which).Inputs[input];
        var tensor = graph.Initializers.Find(tensor => tensor.Name == name)
            ?? body.Nodes.First(node => node.Outputs.Contains(name)).Attribute("value")!.Tensor!;
        return tensor.Source().ToTensor().ToArray<long>();
    }
}
