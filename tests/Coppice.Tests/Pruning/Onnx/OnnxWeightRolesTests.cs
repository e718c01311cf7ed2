using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

public sealed class OnnxWeightRolesTests
{
    private readonly GraphProto _graph = new() { Name = "g" };

    [Fact]
    public void Of_LayersInARow_PutsAllButTheLastInScope()
    {
        Node("Conv", ["x", "kernel", "bias"], "a");
        Node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], "b");
        Node("MatMul", ["b", "hidden"], "c");
        Node("Mul", ["c", "table"], "d");
        Node("Gemm", ["d", "classes"], "y");
        Weights(("kernel", 4), ("bias", 1), ("scale", 1), ("shift", 1), ("mean", 1), ("variance", 1), ("hidden", 2), ("table", 2), ("classes", 2));
        var roles = OnnxWeightRoles.Of(_graph);
        Assert.Equal(["hidden", "kernel"], roles.Where(role => role.Value.WhyOut is null).Select(role => role.Key).Order());
        Assert.Contains("head", roles["classes"].WhyOut, StringComparison.Ordinal);
        Assert.Contains("Mul 'd' reads it", roles["table"].WhyOut, StringComparison.Ordinal);
        Assert.Contains("a vector", roles["mean"].WhyOut, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MatMul", false, 0, true)]
    [InlineData("MatMul", true, 0, false)]
    [InlineData("Gemm", false, 0, true)]
    [InlineData("Gemm", false, 1, false)]
    [InlineData("Gemm", true, 1, true)]
    public void Of_AMatrix_TellsWhichAxisIsTheInput(string op, bool isTransposed, long transB, bool isInputMajor)
    {
        Node("Transpose", ["stored"], "turned");
        var node = Node(op, ["x", isTransposed ? "turned" : "stored"], "y");
        if (transB == 1)
            node.Attributes.Add(AttributeProto.From("transB", transB));
        Weights(("stored", 2));
        Assert.Equal(isInputMajor, OnnxWeightRoles.Of(_graph)["stored"].InputMajor);
    }

    [Fact]
    public void Of_AnEmbeddingThatIsAlsoTheHead_IsTheHead()
    {
        Node("Gather", ["table", "ids"], "a");
        Node("MatMul", ["a", "inner"], "b");
        Node("Transpose", ["table"], "turned");
        Node("MatMul", ["b", "turned"], "y");
        Weights(("table", 2), ("inner", 2));
        var roles = OnnxWeightRoles.Of(_graph);
        Assert.Null(roles["inner"].WhyOut);
        Assert.Contains("head", roles["table"].WhyOut, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_OneLayerAlone_IsInScope()
    {
        Node("Conv", ["x", "kernel"], "y");
        Weights(("kernel", 4));
        Assert.Null(OnnxWeightRoles.Of(_graph)["kernel"].WhyOut);
    }

    private NodeProto Node(string op, string[] inputs, string output)
    {
        var node = new NodeProto { OpType = op, Outputs = { output } };
        node.Inputs.AddRange(inputs);
        _graph.Nodes.Add(node);
        return node;
    }

    private void Weights(params (string Name, int Rank)[] weights)
    {
        foreach (var (name, rank) in weights)
            _graph.Initializers.Add(TensorProto.From(TensorSource.From(name, Tensor.Zeros(Shape.Create([.. Enumerable.Repeat(2, rank)])))));
    }
}
