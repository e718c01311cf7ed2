using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Onnx;
using static Coppice.Tests.Pruning.Onnx.TinyOnnx;

namespace Coppice.Tests.Onnx;

public sealed class NodeOrderTests
{
    [Fact]
    public void Open_NodesBehindTheirReaders_ComesInAnOrderThatRuns()
    {
        using var folder = new TempFolder();
        var net = new TinyOnnx().Add("Add", ["b", "a"], "c").Add("Neg", ["x"], "a").Add("Relu", ["c"], "y").Add("Abs", ["a"], "b");
        using var file = OnnxFile.Open(net.Save(folder["m.onnx"], 2));
        Assert.Equal(["Neg", "Abs", "Add", "Relu"], file.Model.Graph!.Nodes.Select(node => node.OpType));
        Assert.Equal([0, 4], new OnnxModule(file).Forward(Tensor.From<float>([3, -2], [2]))[0].ToArray<float>());
    }

    [Fact]
    public void Open_BranchThatReadsWhatComesLater_RunsBehindIt()
    {
        using var folder = new TempFolder();
        var one = Body("then_branch", [], ["r"], Node("Neg", ["n"], ["r"]), Node("Identity", ["late"], ["n"]));
        var other = Body("else_branch", [], ["z"], Node("Identity", ["x"], ["z"]));
        var net = new TinyOnnx().Add("If", ["yes"], "y", one, other).Add("Abs", ["x"], "late").Store("yes", Tensor.From<bool>([true], []));
        using var file = OnnxFile.Open(net.Save(folder["m.onnx"], 2));
        Assert.Equal([-3, -2], new OnnxModule(file).Forward(Tensor.From<float>([3, -2], [2]))[0].ToArray<float>());
    }

    [Fact]
    public void Open_NodesInACircle_NamesOne()
    {
        using var folder = new TempFolder();
        var path = new TinyOnnx().Add("Abs", ["x"], "p").Add("Add", ["p", "b"], "a").Add("Neg", ["a"], "b").Add("Relu", ["a"], "y")
            .Save(folder["m.onnx"], 2);
        var error = Assert.Throws<OnnxException>(() => OnnxFile.Open(path));
        Assert.Contains("m.onnx: node Add 'a' reads what follows from its own output", error.Message, StringComparison.Ordinal);
    }
}
