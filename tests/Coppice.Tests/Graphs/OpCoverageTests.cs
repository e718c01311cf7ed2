using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Graphs;

/// <summary>Every op can be a node and is run as itself.</summary>
public sealed class OpCoverageTests
{
    private static readonly Tensor Heads = Floats([2, 4, 3, 8]);
    private static readonly Tensor Image = Floats([2, 4, 6, 6]);
    private static readonly Tensor Matrix = Floats([4, 6]);
    private static readonly Tensor Square = Floats([6, 6], 2);
    private static readonly Tensor Row = Floats([6], 3);
    private static readonly Tensor Channels = Tensor.Full([4], 0.5f);

    private static readonly (Op Op, Tensor[] Inputs)[] Cases =
    [
        (new Add(), [Matrix, Row]), (new Subtract(), [Matrix, Row]), (new Multiply(), [Matrix, Row]),
        (new Relu(), [Matrix]), (new Tanh(), [Matrix]), (new Sigmoid(), [Matrix]), (new Silu(), [Matrix]), (new Gelu(GeluKind.Tanh), [Matrix]),
        (new Sum(), [Matrix]), (new Mean(), [Matrix]), (new ArgMax(), [Matrix]), (new Softmax(), [Matrix]), (new LogSoftmax(), [Matrix]),
        (new L2Normalize(), [Matrix]), (new Cast(DType.BF16), [Matrix]), (new Contiguous(), [Matrix.Transpose(0, 1)]), (new Concat(1), [Matrix, Matrix]),
        (new Pad(1, 2, 3, 0.5f), [Matrix]), (new Narrow(1, 2, 3), [Matrix]), (new Reshape(3, -1), [Matrix]), (new Transpose(0, 1), [Matrix]),
        (new Squeeze(0), [Floats([1, 5])]), (new Arange(3, 4), []), (new Embedding(), [Ids(2, 3, 4), Matrix]),
        (new LayerNorm(1e-5f), [Matrix, Row, Row]), (new RmsNorm(1e-5f), [Matrix, Row]),
        (new RotaryEmbedding(), [Heads, Tensor.Arange(2, 3), Floats([4])]), (new Linear(WeightLayout.OutIn), [Matrix, Square, Row]), (new MatMul(), [Matrix, Square]),
        (new Attention(true, 0.3f), [Heads, Heads, Heads]), (new Conv2d(Padding: 1), [Image, Floats([5, 4, 3, 3]), Floats([5])]),
        (new BatchNorm(1e-5f), [Image, Channels, Channels, Channels, Channels]), (new BatchNormTraining(1e-5f), [Image, Channels, Channels]),
        (new MaxPool2d(2, 2), [Image]), (new AvgPool2d(2, 2), [Image]), (new AdaptiveAvgPool2d(2, 3), [Image]),
        (new CrossEntropy(0.1f, -100), [Matrix, Ids(1, 4, 6).Reshape(4)]), (new KlDivergence(2), [Matrix, Matrix]),
        (new MeanSquaredError(), [Matrix, Floats([4, 6], 5)]),
    ];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Fact]
    public void Cases_CoverEveryOp() => Assert.Empty(
        typeof(Op).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract).Except(Cases.Select(test => test.Op.GetType())));

    [Theory]
    [MemberData(nameof(Numbered))]
    public void Forward_OfAnOpInAGraph_GivesTheOpsOwnBytes(int number)
    {
        var (op, inputs) = Cases[number];
        var builder = new GraphBuilder();
        var values = inputs.Select((input, i) => builder.Input($"x{i}", input.DType, [.. input.Shape.Select(SymbolicDim.FromInt32)])).ToList();
        var outputs = builder.Apply(op, values);
        for (var i = 0; i < outputs.Count; i++)
            builder.Output($"y{i}", outputs[i]);
        var graph = builder.Build();
        Assert.Equal(op, graph.Nodes[0].Op);
        Assert.Contains($" = {op.Name}(", graph.ToString(), StringComparison.Ordinal);
        var (expected, actual) = (Op.Apply(op, inputs), new GraphModule(graph).Forward(inputs));
        Assert.Equal(expected.Select(Bytes), actual.Select(Bytes));
        Assert.Equal(expected.Select(output => output.Shape), outputs.Select(output => output.SampleShape));
    }

    private static byte[] Bytes(Tensor tensor)
    {
        var source = tensor.Contiguous();
        var bytes = source.ReadOnlyBytes(0, (int)source.Count * source.DType.ByteSize()).ToArray();
        GC.KeepAlive(source);
        return bytes;
    }
}
