using Coppice.Checkpoints;
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
    public void Save_NameOfASumInABody_StaysWhatItIsThere()
    {
        new TinyOnnx().Weight("a", 4, 4).Add("MatMul", ["x", "a"], "f").Add("Add", ["x", "f"], "sum")
            .Add("SplitToSequence", ["sum"], "rows", AttributeProto.From("axis", 0L))
            .Add("SequenceMap", ["rows"], "mapped", TinyOnnx.Body("body", ["row"], ["twice"],
                TinyOnnx.Node("Neg", ["row"], ["sum"]), TinyOnnx.Node("Add", ["sum", "sum"], ["twice"])))
            .Add("ConcatFromSequence", ["mapped"], "y", AttributeProto.From("axis", 0L)).Save(_folder["model.onnx"], 2, 4);
        var pruning = OnnxPruning.Open(_folder["model.onnx"]);
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        using var file = OnnxFile.Open(_folder["none.onnx"]);
        var nodes = file.Model.Graph!.Nodes.ToDictionary(node => node.Outputs[0]);
        Assert.Equal("x", nodes["rows"].Inputs[0]);
        Assert.Equal(["sum", "sum"], nodes["mapped"].Attribute("body")!.Graph!.Nodes[1].Inputs);
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

    /// <summary>What takes the sum's place has its type.</summary>
    [Fact]
    public void Save_SumOfF16_ReadsWhatIsF16()
    {
        var net = new TinyOnnx().Weight("a", 4, 4).Weight("b", 4, 4).Add("Cast", ["x"], "half", AttributeProto.From("to", (long)DType.F16.ToOnnx()))
            .Add("MatMul", ["half", "a"], "f").Add("Add", ["f", "half"], "sum").Add("MatMul", ["sum", "b"], "g")
            .Add("Cast", ["g"], "y", AttributeProto.From("to", (long)TensorDataType.Float));
        foreach (var weight in net.Graph.Initializers)
            weight.SetData(TensorSource.From(weight.Name!, weight.Source().ToTensor().Cast(DType.F16)));
        var pruning = OnnxPruning.Open(net.Save(_folder["model.onnx"], 2, 4));
        pruning.Save(pruning.Blocks, _folder["none.onnx"]);
        Assert.Equal("half g y : b", Text("none.onnx"));
        using var file = OnnxFile.Open(_folder["none.onnx"]);
        Assert.Equal("half", file.Model.Graph!.Nodes[1].Inputs[0]);
    }

    /// <summary>The other branch may give something else.</summary>
    [Fact]
    public void Blocks_SumInABranch_IsNoBlock()
    {
        new TinyOnnx().Weight("a", 4, 4).Store("yes", Tensor.From<bool>([true], []))
            .Add("If", ["yes"], "z",
                TinyOnnx.Body("then_branch", [], ["t"], TinyOnnx.Node("MatMul", ["x", "a"], ["f"]), TinyOnnx.Node("Add", ["x", "f"], ["t"])),
                TinyOnnx.Body("else_branch", [], ["e"], TinyOnnx.Node("Exp", ["x"], ["e"])))
            .Add("Neg", ["z"], "y").Save(_folder["model.onnx"], 2, 4);
        var pruning = OnnxPruning.Open(_folder["model.onnx"]);
        Assert.Single(ResidualBlocks.Find(pruning.Graph));
        Assert.Empty(pruning.Blocks);
    }

    [Fact]
    public void Save_RandomBlocksOfRandomModels_Verifies()
    {
        var (all, failures) = (0, new List<string>());
        for (var seed = 1000; seed < 1040; seed++)
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
        Assert.True(all > 5, $"{all} blocks.");
    }

    /// <summary>Every f(x) is multiplied by a number of its own, which is 1; where blocks went, the model is the one with 0 there.</summary>
    [Fact]
    public void Save_RandomBlocksOfRandomResiduals_IsTheModelWithZeros()
    {
        var all = 0;
        for (var seed = 0; seed < 60; seed++)
        {
            using var scope = new TensorScope();
            var random = new Random(seed);
            new Residuals(seed, []).Save(_folder["model.onnx"]);
            var pruning = OnnxPruning.Open(_folder["model.onnx"]);
            ResidualBlock[] gone = [.. pruning.Blocks.Where(_ => random.Next(2) == 0)];
            pruning.Save(gone, _folder["small.onnx"], overwrite: true);
            new Residuals(seed, [.. gone.Select(block => block.Name)]).Save(_folder["zeros.onnx"]);
            using OnnxFile zeros = OnnxFile.Open(_folder["zeros.onnx"]), small = OnnxFile.Open(_folder["small.onnx"]);
            var x = Floats([1, 4, 3, 3], seed);
            AssertSameBits(new OnnxModule(zeros).Forward(x)[0], new OnnxModule(small).Forward(x)[0]);
            AssertIsPart(gone);
            all += pruning.Blocks.Count;
        }
        Assert.True(all > 100, $"{all} blocks.");
    }

    /// <summary>No node and no weight has another name than before, and none is read by nobody.</summary>
    private void AssertIsPart(ResidualBlock[] gone)
    {
        using OnnxFile before = OnnxFile.Open(_folder["model.onnx"]), after = OnnxFile.Open(_folder["small.onnx"]);
        var (old, graph) = (before.Model.Graph!, after.Model.Graph!);
        Assert.Subset(Names(old), Names(graph));
        Assert.True(gone.Length == 0 || graph.Nodes.Count < old.Nodes.Count);
        if (gone.Length > 0)
            Assert.All(graph.Initializers, tensor => Assert.Contains(tensor.Name, graph.Reads()));
    }

    private static HashSet<string> Names(GraphProto graph) =>
        [.. graph.Nodes.SelectMany(node => node.Outputs), .. graph.Initializers.Select(tensor => tensor.Name!)];

    private string Text(string file)
    {
        using var opened = OnnxFile.Open(_folder[file]);
        var graph = opened.Model.Graph!;
        return $"{string.Join(" ", graph.Nodes.Select(node => node.Outputs[0]))} : {string.Join(" ", graph.Initializers.Select(tensor => tensor.Name))}";
    }

    /// <summary>Convolutions, rectifiers and residual blocks one after the other, blocks in blocks among them.</summary>
    private sealed class Residuals
    {
        private readonly TinyOnnx _model = new();
        private readonly Random _random;
        private readonly HashSet<string> _zeros;
        private int _number;

        /// <param name="seed">Tells the model.</param>
        /// <param name="zeros">Sums to which nothing is added.</param>
        public Residuals(int seed, HashSet<string> zeros)
        {
            (_random, _zeros) = (new(seed), zeros);
            Apply("Conv", Chain(Apply("Relu", "x"), _random.Next(2, 7), 2), "y");
        }

        public void Save(string path)
        {
            File.Delete(path);
            _model.Save(path, 1, 4, 3, 3);
        }

        private string Chain(string x, int length, int depth)
        {
            for (; length > 0; length--)
                x = _random.Next(5) switch
                {
                    0 => Apply("Relu", x),
                    1 => Apply("Conv", x),
                    2 when depth > 0 => Sum(x, Chain(Apply("Conv", x), _random.Next(1, 4), depth - 1)),
                    3 => Apply("Relu", Sum(x, Apply("Conv", x))),
                    _ => Sum(x, Apply("Conv", Apply("Relu", Apply("Conv", x)))),
                };
            return x;
        }

        private string Sum(string x, string f)
        {
            var number = _number++;
            _model.Store($"one{number}", Tensor.Full([], _zeros.Contains($"sum{number}") ? 0 : 1))
                .Add("Mul", [f, $"one{number}"], $"scaled{number}");
            string[] terms = _random.Next(2) == 0 ? [x, $"scaled{number}"] : [$"scaled{number}", x];
            _model.Add(_random.Next(3) == 0 ? "Sum" : "Add", terms, $"sum{number}");
            return $"sum{number}";
        }

        private string Apply(string op, string x, string? name = null)
        {
            name ??= $"v{_number++}";
            if (op == "Conv")
                _model.Weight($"{name}.weight", 4, 4, 1, 1).Add(op, [x, $"{name}.weight"], name);
            else
                _model.Add(op, [x], name);
            return name;
        }
    }
}
