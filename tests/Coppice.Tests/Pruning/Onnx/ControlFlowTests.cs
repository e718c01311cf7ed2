using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Loops and choices that run otherwise than on the example inputs.</summary>
public sealed class ControlFlowTests
{
    private static readonly Tensor X = Tensor.From<float>([1, -2, 0.5f, 3, -1, 0.25f, 2, -0.5f], [1, 2, 2, 2]);

    /// <summary>With one turn, nothing in the trace says that what goes into the loop is what comes out.</summary>
    [Fact]
    public void Save_LoopOfOneTurn_ComputesTheSameInMoreTurns()
    {
        using var folder = new TempFolder();
        var body = Body("body", ["trip", "go", "s"], ["more", "t"], Node("Identity", ["go"], ["more"]), Node("Conv", ["s", "w"], ["c"]),
            Node("Relu", ["c"], ["t"]));
        body.Graph!.Outputs[1] = ValueInfoProto.From("t", TensorDataType.Float, [.. new[] { 1, 6, 2, 2 }.Select(size => new Dimension { Value = size })]);
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Loop", ["n", "yes", "a"], "b", body).Add("Conv", ["b", "w2"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w", 6, 6, 1, 1).Weight("w2", 3, 6, 1, 1).Store("yes", Tensor.From<bool>([true], []));
        net.Graph.Inputs.Add(ValueInfoProto.From("n", TensorDataType.Int64, []));
        var pruning = OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2));
        var group = Assert.Single(pruning.Dependencies.Groups);
        Assert.Equal(["w1[0]", "w2[1]", "w[0]", "w[1]"], group.Members.Select(member => $"{member}").Order(StringComparer.Ordinal));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(group, [0, 4]);
        pruning.Save(removal, folder["small.onnx"]);

        using var file = OnnxFile.Open(folder["small.onnx"]);
        Assert.Equal([null, null, null, null], file.Model.Graph!.Nodes.Single(node => node.OpType == "Loop").Attribute("body")!.Graph!.Outputs[1]
            .Type!.Tensor!.Shape!.Dims.Select(dim => dim.Value));
        foreach (var (name, inputs) in new[] { ("w", 6), ("w2", 6) })
            foreach (var (i, _) in pruning.Module.Parameter(name).Data.ToArray<float>().Index().Where(entry => entry.Index % inputs is 0 or 4))
                pruning.Module.Parameter(name).Data.AsSpan<float>()[i] = 0;
        var smaller = new OnnxModule(file);
        foreach (var turns in new[] { 0, 1, 3 })
            Assert.Equal(Outputs(pruning.Module, turns), Outputs(smaller, turns), (a, b) => Math.Abs(a - b) < 1e-4);

        static float[] Outputs(OnnxModule module, long turns) => module.Forward(Tensor.From<long>([turns], []), X)[0].ToArray<float>();
    }

    [Fact]
    public void Open_ScanOfOneTurn_TiesWhatItCarries()
    {
        using var folder = new TempFolder();
        var body = Body("body", ["s", "part"], ["t", "out"], Node("Conv", ["s", "w"], ["c"]), Node("Add", ["c", "part"], ["t"]),
            Node("Identity", ["t"], ["out"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Conv", ["x", "w3"], "d").Add("Unsqueeze", ["d", "zero"], "parts");
        net.Graph.Nodes.Add(Node("Scan", ["a", "parts"], ["last", "all"], body, AttributeProto.From("num_scan_inputs", 1L)));
        net.Add("Conv", ["last", "w2"], "y").Weight("w1", 6, 2, 1, 1).Weight("w3", 6, 2, 1, 1).Weight("w", 6, 6, 1, 1).Weight("w2", 3, 6, 1, 1)
            .Numbers("zero", 0);
        var pruning = OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2));
        var group = Assert.Single(pruning.Dependencies.Groups);
        Assert.Equal(["w1[0]", "w2[1]", "w3[0]", "w[0]", "w[1]"], group.Members.Select(member => $"{member}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Open_LoopWithoutATurn_PinsWhatItTakesAndMakes()
    {
        var body = Body("body", ["trip", "go", "s"], ["more", "t"], Node("Identity", ["go"], ["more"]), Node("Conv", ["s", "w"], ["t"]));
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Size", ["x"], "size").Add("Less", ["size", "one"], "go")
            .Add("Loop", ["n", "go", "a"], "b", body).Add("Conv", ["b", "w2"], "y")
            .Weight("w1", 6, 2, 1, 1).Weight("w", 6, 6, 1, 1).Weight("w2", 3, 6, 1, 1)
            .Store("one", Tensor.From<long>([1], [])).Store("n", Tensor.From<long>([5], []));
        AssertPinned(net, "w1", "'b.body' takes or makes it");
    }

    [Fact]
    public void Open_BranchThatDoesNotRun_PinsWhatItTakesAndMakes() =>
        AssertPinned(Chosen("then", Body("else_branch", [], ["z"], Node("Reshape", ["a", "target"], ["z"]))).Add("MatMul", ["flat", "w2"], "y"),
            "w1", "'flat.else_branch' takes or makes it");

    [Fact]
    public void Open_BranchWithOutputsLeftOut_IsReadAsOthers() => AssertPinned(Chosen("then", Body("else_branch", [], ["z"],
        Node("LSTM", ["seq", "w3", "r"], ["", "z", ""], AttributeProto.From("hidden_size", 24L)))).Add("MatMul", ["flat", "w2"], "y")
        .Weight("w3", 1, 96, 3).Weight("r", 1, 96, 24).Weight("seq", 1, 1, 3), "w1", "'flat.else_branch' takes or makes it");

    /// <summary>A state that begins with one row for all is not one that grows.</summary>
    [Fact]
    public void Open_StateThatIsBroadcast_ShrinksInItsOtherAxes()
    {
        using var folder = new TempFolder();
        var body = Body("body", ["trip", "go", "s"], ["more", "t"], Node("Identity", ["go"], ["more"]), Node("MatMul", ["s", "w"], ["c"]),
            Node("Add", ["c", "a"], ["t"]));
        var net = new TinyOnnx().Add("MatMul", ["x", "w1"], "a").Add("Loop", ["once", "yes", "h"], "b", body).Add("MatMul", ["b", "w2"], "y")
            .Weight("w1", 3, 6).Weight("w", 6, 6).Weight("h", 1, 6).Weight("w2", 6, 4)
            .Store("yes", Tensor.From<bool>([true], [])).Store("once", Tensor.From<long>([1], []));
        var group = Assert.Single(OnnxPruning.Open(net.Save(folder["model.onnx"], 5, 3)).Dependencies.Groups);
        Assert.Equal(["h[1]", "w1[1]", "w2[0]", "w[0]", "w[1]"], group.Members.Select(member => $"{member}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Open_BranchThatCanNotRun_IsNotAsked()
    {
        using var folder = new TempFolder();
        var net = Chosen("yes", Body("else_branch", [], ["z"], Node("Reshape", ["a", "target"], ["z"])))
            .Add("MatMul", ["flat", "w2"], "y").Store("yes", Tensor.From<bool>([true], []));
        Assert.Single(OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2)).Dependencies.Groups);
    }

    /// <summary>Where the other branch hands on another value, that shrinks too.</summary>
    [Fact]
    public void Open_BranchThatHandsOnAnother_TiesBoth()
    {
        using var folder = new TempFolder();
        var net = Handing().Add("MatMul", ["flat", "w2"], "p").Add("MatMul", ["other", "w4"], "q").Add("Add", ["p", "q"], "y").Weight("w4", 24, 3);
        var group = Assert.Single(OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2)).Dependencies.Groups);
        Assert.Equal(["w1[0]", "w2[0]", "w3[0]", "w4[0]"], group.Members.Select(member => $"{member.Value.Name}[{member.Axis}]").Order());
    }

    [Fact]
    public void Open_BranchThatHandsOnWhatNothingElseReads_PinsIt() =>
        AssertPinned(Handing().Add("MatMul", ["flat", "w2"], "y"), "w1", "'flat.else_branch' takes or makes it");

    private static TinyOnnx Handing() => Chosen("then", Body("else_branch", [], ["z"], Node("Identity", ["other"], ["z"])),
        net => net.Add("Conv", ["x", "w3"], "c").Add("Reshape", ["c", "target"], "other").Weight("w3", 6, 2, 1, 1));

    private static void AssertPinned(TinyOnnx net, string weight, string reason)
    {
        using var folder = new TempFolder();
        var dependencies = OnnxPruning.Open(net.Save(folder["model.onnx"], 1, 2, 2, 2)).Dependencies;
        Assert.Empty(dependencies.Groups);
        Assert.Contains(reason, dependencies.Pinned.First(axis => axis.Tensor == weight && axis.Axis == 0).Reason, StringComparison.Ordinal);
    }

    /// <summary>Channels that are laid flat in the branch that the inputs' size leads to.</summary>
    private static TinyOnnx Chosen(string condition, AttributeProto other, Action<TinyOnnx>? before = null)
    {
        var net = new TinyOnnx().Add("Conv", ["x", "w1"], "a").Add("Size", ["x"], "size").Add("Greater", ["size", "one"], "then");
        before?.Invoke(net);
        return net.Add("If", [condition], "flat", Body("then_branch", [], ["r"], Node("Reshape", ["a", "target"], ["r"])), other)
            .Numbers("target", 1, 24).Store("one", Tensor.From<long>([1], [])).Weight("w1", 6, 2, 1, 1).Weight("w2", 24, 3);
    }
}
