using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Small ShuffleNets of blocks whose one half passes through and is shuffled with the other.</summary>
public sealed class ChannelShufflesTests
{
    private const int Half = 6;
    private const int Side = 2;

    [Theory]
    [InlineData(false)] // front and back of the shuffled channels, as in torchvision
    [InlineData(true)]  // every second channel, as in FastestDet
    public void Save_HalfOfEachGroup_HalvesEveryLayer(bool everySecond)
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, blocks: 4, everySecond);
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        var weights = file.Model.Graph!.Initializers.Where(tensor => tensor.Dims.Count == 4 && tensor.Name != "last").ToList();
        Assert.Equal(6, weights.Count);
        Assert.All(weights, weight => Assert.Equal(Half / 2, weight.Dims[0]));
        Assert.DoesNotContain(file.Model.Graph.Nodes, node => node.OpType is "Reshape" or "Transpose");
    }

    [Fact]
    public void Save_OneShuffleOfWholeBlocks_KeepsTheNodes()
    {
        using var folder = new TempFolder();
        var pruning = Opened(folder, blocks: 0, everySecond: false);
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        pruning.Save(removal, folder["small.onnx"]);
        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Contains(file.Model.Graph!.Nodes, node => node.OpType == "Transpose");
        Assert.DoesNotContain(file.Model.Graph.Nodes, node => node.OpType == "Gather");
    }

    [Fact]
    public void Choose_GroupWithAChannelThatStays_CountsItInRatios()
    {
        using var folder = new TempFolder();
        var dependencies = Opened(folder, blocks: 4, everySecond: false).Dependencies;
        var group = Assert.Single(dependencies.Groups, group => group.Members[0].Value.Name == "block2");
        Assert.Equal((Half - 1, 1), (group.Size, group.Fixed));
        var removal = new GroupPruning { Ratio = 0.5, Include = ["block2"] }.Choose(dependencies, new(new GroupMagnitude(1)));
        Assert.Equal(Half / 2 - 1, removal.KeptOf(group).Length);
    }

    /// <summary>Two convolutions side by side, shuffled; blocks that read a half of that; a last convolution that reads all.</summary>
    private static OnnxPruning Opened(TempFolder folder, int blocks, bool everySecond)
    {
        var graph = new GraphProto { Name = "g" };
        Conv(graph, "x", "left", Half, 2);
        Conv(graph, "x", "right", Half, 2);
        var (one, other) = ("left.out", "right.out");
        for (var block = 0; block < blocks; block++)
        {
            (one, other) = Shuffled(graph, one, other, $"shuffle{block}", everySecond);
            other = Conv(graph, other, $"block{block}", Half, Half);
        }
        var last = blocks > 0 ? Joined(graph, one, other, "end") : Pairs(graph, Joined(graph, one, other, "end"), "end");
        Conv(graph, last, "last", 3, 2 * Half);
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, new[] { 1, 2, Side, Side }.Select(size => new Dimension { Value = size })));
        graph.Outputs.Add(new() { Name = "last.out" });
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 13 });
        OnnxFile.Save(model, folder["model.onnx"]);
        return OnnxPruning.Open(folder["model.onnx"]);
    }

    private static (string One, string Other) Shuffled(GraphProto graph, string one, string other, string name, bool everySecond)
    {
        var joined = Joined(graph, one, other, name);
        if (!everySecond)
        {
            Node(graph, "Split", [Pairs(graph, joined, name)], [$"{name}.front", $"{name}.back"], AttributeProto.From("axis", 1L));
            return ($"{name}.front", $"{name}.back");
        }
        Node(graph, "Reshape", [joined, Numbers(graph, $"{name}.a", Half, 2, Side * Side)], [$"{name}.rows"]);
        Node(graph, "Transpose", [$"{name}.rows"], [$"{name}.turned"], AttributeProto.From("perm", [1L, 0, 2]));
        Node(graph, "Reshape", [$"{name}.turned", Numbers(graph, $"{name}.b", 2, -1, Half, Side, Side)], [$"{name}.both"]);
        foreach (var (i, part) in new[] { "even", "odd" }.Index())
        {
            graph.Initializers.Add(TensorProto.From(TensorSource.From($"{name}.{i}", Tensor.From<long>([i], []))));
            Node(graph, "Gather", [$"{name}.both", $"{name}.{i}"], [$"{name}.{part}"], AttributeProto.From("axis", 0L));
        }
        return ($"{name}.even", $"{name}.odd");
    }

    private static string Pairs(GraphProto graph, string joined, string name)
    {
        Node(graph, "Reshape", [joined, Numbers(graph, $"{name}.a", 1, 2, Half, Side, Side)], [$"{name}.rows"]);
        Node(graph, "Transpose", [$"{name}.rows"], [$"{name}.turned"], AttributeProto.From("perm", [0L, 2, 1, 3, 4]));
        Node(graph, "Reshape", [$"{name}.turned", Numbers(graph, $"{name}.b", 1, -1, Side, Side)], [$"{name}.mixed"]);
        return $"{name}.mixed";
    }

    private static string Joined(GraphProto graph, string one, string other, string name)
    {
        Node(graph, "Concat", [one, other], [$"{name}.joined"], AttributeProto.From("axis", 1L));
        return $"{name}.joined";
    }

    private static string Conv(GraphProto graph, string x, string name, int outputs, int inputs)
    {
        var (random, weight) = (new RandomSource(name.Length), Tensor.Empty([outputs, inputs, 1, 1]));
        foreach (ref var value in weight.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        graph.Initializers.Add(TensorProto.From(TensorSource.From(name, weight)));
        Node(graph, "Conv", [x, name], [$"{name}.out"]);
        return $"{name}.out";
    }

    private static string Numbers(GraphProto graph, string name, params long[] values)
    {
        graph.Initializers.Add(TensorProto.From(TensorSource.From(name, Tensor.From<long>(values, [values.Length]))));
        return name;
    }

    private static void Node(GraphProto graph, string op, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Inputs.AddRange(inputs);
        node.Outputs.AddRange(outputs);
        node.Attributes.AddRange(attributes);
        graph.Nodes.Add(node);
    }
}
