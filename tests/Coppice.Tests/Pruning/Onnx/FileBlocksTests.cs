using Coppice.Onnx;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Onnx;

public sealed class FileBlocksTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Save_WithoutABlock_LeavesTheOtherNodesAndWeights()
    {
        var model = new TinyOnnx().Weight("a", 4, 4, 1, 1).Weight("b", 4, 4, 1, 1).Weight("c", 4, 4, 1, 1).Weight("d", 4, 4, 1, 1)
            .Add("Conv", ["x", "a"], "stem").Add("Relu", ["stem"], "start")
            .Add("Conv", ["start", "b"], "f").Add("Add", ["f", "start"], "first").Add("Relu", ["first"], "middle")
            .Add("Conv", ["middle", "c"], "g").Add("Add", ["middle", "g"], "second").Add("Relu", ["second"], "end")
            .Add("Conv", ["end", "d"], "y").Save(_folder["model.onnx"], 1, 4, 3, 3);
        var pruning = OnnxPruning.Open(model);
        Assert.Equal(["first", "second"], pruning.Blocks.Select(block => block.Name));
        Assert.Equal(0, pruning.Save([pruning.Blocks[0]], _folder["one.onnx"]).LargestDifference);
        Assert.Equal("stem start g second end y : a c d", Text("one.onnx"));
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        Assert.Equal("stem start y : a d", Text("none.onnx"));
        var again = OnnxPruning.Open(_folder["one.onnx"]);
        again.Save(again.Blocks, _folder["again.onnx"]);
        Assert.Equal(File.ReadAllBytes(_folder["none.onnx"]), File.ReadAllBytes(_folder["again.onnx"]));
    }

    /// <summary>A ReLU after the sum stays where x may be negative.</summary>
    [Fact]
    public void Save_SumOfNegatives_KeepsItsRelu()
    {
        new TinyOnnx().Weight("a", 4, 4).Weight("b", 4, 4)
            .Add("MatMul", ["x", "a"], "f").Add("Add", ["f", "x"], "sum").Add("Relu", ["sum"], "r").Add("MatMul", ["r", "b"], "y")
            .Save(_folder["model.onnx"], 2, 4);
        var pruning = OnnxPruning.Open(_folder["model.onnx"]);
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        Assert.Equal("r y : b", Text("none.onnx"));
    }

    [Fact]
    public void Save_SumThatIsAnOutput_KeepsItsName()
    {
        new TinyOnnx().Weight("a", 4, 4).Add("MatMul", ["x", "a"], "f").Add("Add", ["x", "f"], "y").Save(_folder["model.onnx"], 2, 4);
        var pruning = OnnxPruning.Open(_folder["model.onnx"]);
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        Assert.Equal("y : ", Text("none.onnx"));
        var x = Floats([2, 4]);
        using var file = OnnxFile.Open(_folder["none.onnx"]);
        AssertSameBits(x, new OnnxModule(file).Forward(x)[0]);
    }

    /// <summary>Branches of an If read values of the graph around them.</summary>
    [Fact]
    public void Save_SumReadInABranch_IsReplacedThere()
    {
        new TinyOnnx().Weight("a", 4, 4).Store("yes", Tensor.From<bool>([true], []))
            .Add("MatMul", ["x", "a"], "f").Add("Add", ["x", "f"], "sum")
            .Add("If", ["yes"], "y", TinyOnnx.Body("then_branch", [], ["t"], TinyOnnx.Node("Neg", ["sum"], ["t"])),
                TinyOnnx.Body("else_branch", [], ["e"], TinyOnnx.Node("Exp", ["sum"], ["e"])))
            .Save(_folder["model.onnx"], 2, 4);
        var pruning = OnnxPruning.Open(_folder["model.onnx"]);
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        Assert.Equal("y : yes", Text("none.onnx"));
    }

    [Fact]
    public void Blocks_WhatIsReadInABranch_IsNoBlock()
    {
        new TinyOnnx().Weight("a", 4, 4).Store("yes", Tensor.From<bool>([true], []))
            .Add("MatMul", ["x", "a"], "f").Add("Add", ["x", "f"], "sum")
            .Add("If", ["yes"], "z", TinyOnnx.Body("then_branch", [], ["t"], TinyOnnx.Node("Neg", ["f"], ["t"])),
                TinyOnnx.Body("else_branch", [], ["e"], TinyOnnx.Node("Exp", ["x"], ["e"])))
            .Add("Mul", ["z", "sum"], "y").Save(_folder["model.onnx"], 2, 4);
        Assert.Empty(OnnxPruning.Open(_folder["model.onnx"]).Blocks);
    }

    [Fact]
    public void Save_RandomBlocksOfRandomModels_Verifies()
    {
        var (all, failures) = (0, new List<string>());
        for (var seed = 1000; seed < 1080; seed++)
        {
            using var scope = new TensorScope();
            var random = new RandomOnnxGraph(seed);
            OnnxFile.Save(random.Model, _folder["model.onnx"], overwrite: true);
            try
            {
                var pruning = OnnxPruning.Open(_folder["model.onnx"]);
                ResidualBlock[] gone = [.. pruning.Blocks.Where(_ => random.Chance(2))];
                pruning.Save(gone, _folder["small.onnx"], overwrite: true);
                all += pruning.Blocks.Count;
                AssertIsPart(gone);
            }
            catch (Exception error)
            {
                failures.Add($"model {seed}: {error}\n{random}");
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
        Assert.True(all > 30, $"{all} blocks.");
    }

    /// <summary>No node and no weight has another name than before, and none is read by nobody.</summary>
    private void AssertIsPart(ResidualBlock[] gone)
    {
        using OnnxFile before = OnnxFile.Open(_folder["model.onnx"]), after = OnnxFile.Open(_folder["small.onnx"]);
        var (old, graph) = (before.Model.Graph!, after.Model.Graph!);
        Assert.Subset(Names(old), Names(graph));
        Assert.True(gone.Length == 0 || graph.Nodes.Count < old.Nodes.Count);
        if (gone.Length > 0)
            Assert.All(graph.Initializers, tensor => Assert.Contains(tensor.Name, SizeConstants.Reads(graph)));
    }

    private static HashSet<string> Names(GraphProto graph) =>
        [.. graph.Nodes.SelectMany(node => node.Outputs), .. graph.Initializers.Select(tensor => tensor.Name!)];

    private string Text(string file)
    {
        using var opened = OnnxFile.Open(_folder[file]);
        var graph = opened.Model.Graph!;
        return $"{string.Join(" ", graph.Nodes.Select(node => node.Outputs[0]))} : {string.Join(" ", graph.Initializers.Select(tensor => tensor.Name))}";
    }
}
