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

    private static readonly Tensor Positive = Tensor.Full([4, 6], 0.4f);
    private static readonly Tensor Truths = Matrix.Compare(Comparison.Greater, Tensor.Full([], 0));
    private static readonly Tensor Places = Ids(2, 2, 2);

    /// <summary>Ops with results whose sizes depend on values: no graph can hold them.</summary>
    private static readonly Type[] SizedByValues = [typeof(NonZero), typeof(NonMaxSuppression)];

    internal static readonly (Op Op, Tensor[] Inputs)[] Cases =
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
        (new FusedConv2d(new Conv2d(), 0, 1), [Image, Floats([5, 4, 1, 1]), Floats([5]), Floats([2, 5, 6, 6], 4)]),
        (new BatchNorm(1e-5f), [Image, Channels, Channels, Channels, Channels]), (new BatchNormTraining(1e-5f), [Image, Channels, Channels]),
        (new MaxPool2d(2, 2), [Image]), (new AvgPool2d(2, 2), [Image]), (new AdaptiveAvgPool2d(2, 3), [Image]),
        (new CrossEntropy(0.1f, -100), [Matrix, Ids(1, 4, 6).Reshape(4)]), (new KlDivergence(2), [Matrix, Matrix]),
        (new MeanSquaredError(), [Matrix, Floats([4, 6], 5)]),
        (new Divide(), [Matrix, Row]), (new Power(), [Positive, Row]), (new Minimum(), [Matrix, Row]), (new Maximum(), [Matrix, Row]),
        (new Modulo(true), [Matrix, Positive]), (new Compare(Comparison.Less), [Matrix, Row]), (new Logical(LogicalKind.Xor), [Truths, Truths]),
        (new Where(), [Truths, Matrix, Row]), (new Reduce(Reduction.Max, [0]), [Matrix]), (new CumulativeSum(1), [Matrix]),
        (new SlidingSum(1, 1, 1), [Matrix]),
        (new Exp(), [Matrix]), (new Log(), [Positive]), (new Sqrt(), [Positive]), (new Reciprocal(), [Positive]), (new Erf(), [Matrix]),
        (new Softplus(), [Matrix]), (new Softsign(), [Matrix]), (new Abs(), [Matrix]), (new Negate(), [Matrix]), (new Sign(), [Matrix]),
        (new Floor(), [Matrix]), (new Ceiling(), [Matrix]), (new Round(), [Matrix]), (new Sin(), [Matrix]), (new Cos(), [Matrix]),
        (new Tan(), [Matrix]), (new Asin(), [Positive]), (new Acos(), [Positive]), (new Atan(), [Matrix]), (new Sinh(), [Matrix]),
        (new Cosh(), [Matrix]), (new Asinh(), [Matrix]), (new Acosh(), [Tensor.Full([4, 6], 1.4f)]), (new Atanh(), [Positive]), (new LeakyRelu(0.1f), [Matrix]),
        (new Elu(1), [Matrix]), (new Celu(1), [Matrix]), (new Selu(), [Matrix]), (new ThresholdedRelu(1), [Matrix]),
        (new Shrink(0.5f, 0), [Matrix]), (new Clip(-1, 1), [Matrix]), (new HardSigmoid(), [Matrix]), (new HardSwish(), [Matrix]),
        (new Mish(), [Matrix]), (new Permute([1, 0]), [Matrix]), (new Unsqueeze(1), [Matrix]), (new Expand([2, 4, 6]), [Matrix]),
        (new Slice(1, 5, 3, -2), [Matrix]), (new Triangle(true), [Matrix]), (new ShapeOf(), [Matrix]), (new TopK(2), [Matrix]),
        (new Gather(1), [Matrix, Places]), (new GatherElements(0), [Matrix, Places]), (new GatherND(), [Matrix, Places]),
        (new ScatterElements(0), [Matrix, Places, Floats([2, 2])]), (new ScatterND(), [Matrix, Places, Floats([2])]),
        (new Unfold([2, 3], [1, 2], [1, 1], [0, 1], [1, 0]), [Image]), (new Fold([4], [2], [1], [1], [0], [0]), [Floats([1, 2, 2, 3])]),
        (new RoiAlign(2, 2, 0, 1, true), [Image, Tensor.From<float>([0, 0, 4, 4], [1, 4]), Tensor.From<long>([1], [1])]),
    ];

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    [Fact]
    public void Cases_CoverEveryOp() => Assert.Empty(
        typeof(Op).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract).Except(Cases.Select(test => test.Op.GetType()))
            .Except(SizedByValues));

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
