using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Onnx.Export;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using Coppice.Tests.Graphs;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Onnx.Export;

/// <summary>Every op written as ONNX, read again and run.</summary>
public sealed class ExportRulesTests : IDisposable
{
    private static readonly Tensor Queries = Floats([2, 4, 3, 6], 4);
    private static readonly Tensor Keys = Floats([2, 2, 5, 6], 5);
    private static readonly Tensor Values = Floats([2, 2, 5, 6], 6);
    private static readonly Tensor Matrix = Floats([4, 6]);
    private static readonly Tensor Image = Floats([2, 4, 6, 6]);

    /// <summary>Ops that can't be exported, and what the error says of it.</summary>
    private static readonly Dictionary<Type, string> Refused = new()
    {
        [typeof(BatchNormTraining)] = "evaluation mode", [typeof(CrossEntropy)] = "a loss", [typeof(KlDivergence)] = "a loss",
        [typeof(MeanSquaredError)] = "a loss", [typeof(FusedConv2d)] = "InferenceModule",
    };

    private static readonly (Op Op, Tensor[] Inputs)[] Cases =
    [
        .. OpCoverageTests.Cases.Where(test => !Refused.ContainsKey(test.Op.GetType())),
        (new Attention(false, 0.5f), [Queries, Keys, Values]), (new Attention(true, 0.5f), [Queries, Keys, Values]),
        (new Attention(true, 0.5f), [Queries, Keys, Values, Floats([2, 1, 1, 5], 7)]),
        (new Attention(false, 0.5f), [Queries, Keys, Values, Floats([1, 4, 3, 5], 7)]),
        (new RotaryEmbedding(), [Queries, Ids(2, 3, 9), Floats([3])]),
        (new Gelu(GeluKind.Erf), [Matrix]), (new Gelu(GeluKind.Quick), [Matrix]), (new Compare(Comparison.NotEqual), [Matrix, Matrix]),
        (new Compare(Comparison.GreaterOrEqual), [Matrix, Matrix]), (new Modulo(false), [Matrix, Tensor.Full([4, 6], 0.3f)]),
        (new Modulo(false), [Ids(4, 6), Tensor.Full([], 3).Cast(DType.I64)]), (new Slice(1, 0, 3, 2), [Matrix]), (new Slice(0, 3, 4, -1), [Matrix]),
        (new Linear(WeightLayout.InOut), [Floats([2, 3, 6]), Floats([6, 5]), Floats([5])]), (new Linear(), [Floats([2, 3, 6]), Floats([5, 6])]),
        (new Linear(WeightLayout.InOut), [Matrix, Floats([6, 5])]), (new MatMul(true), [Image, Image]),
        (new Conv2d(2, 1, 2, 4), [Image, Floats([8, 1, 2, 2])]), (new AdaptiveAvgPool2d(1, 1), [Image]), (new MaxPool2d(3, 2, 1), [Image]),
        (new AvgPool2d(3, 2, 1), [Image]), (new Reduce(Reduction.Sum, [0, 1]), [Matrix]), (new Reduce(Reduction.LogSumExp, [1]), [Matrix]),
        (new CumulativeSum(0, true, true), [Matrix]), (new SlidingSum(0, 1, 2), [Matrix]),
        (new Pad(1, 1, 2, 3), [Ids(2, 3)]), (new TopK(3, Largest: false), [Matrix]),
        (new Triangle(false, -1), [Matrix]), (new ScatterElements(0, ScatterKind.Add), [Matrix, Ids(2, 2, 2), Floats([2, 2])]),
        (new Fold([5, 4], [2, 2], [2, 1], [1, 2], [1, 0], [0, 1]), [Floats([2, 3, 4, 9])]), (new Reshape(0, 3), [Tensor.Zeros([3, 0])]),
    ];

    private readonly TempFolder _folder = new();

    public static TheoryData<int> Numbered => [.. Enumerable.Range(0, Cases.Length)];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Knows_EveryOp_ARuleOrAReason() => Assert.DoesNotContain(
        typeof(Op).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract), op => !ExportRules.Knows(op));

    [Theory]
    [MemberData(nameof(Numbered))]
    public void ToModel_OfAnOp_ComputesWhatTheOpDoes(int number)
    {
        var (op, inputs) = Cases[number];
        foreach (var opset in new[] { OnnxExport.FirstOpset, OnnxExport.LastOpset })
        {
            var (expected, actual) = (Op.Apply(op, inputs), Run(GraphOf(op, inputs), opset, inputs));
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.Equal((expected[i].DType, expected[i].Shape), (actual[i].DType, actual[i].Shape));
                Assert.InRange(RelativeDifference.Between(expected[i].Cast(DType.F32), actual[i].Cast(DType.F32)) ?? double.NaN, 0, 2e-6);
            }
        }
    }

    [Fact]
    public void ToModel_OfAnOpThatOnnxHasNot_SaysWhy()
    {
        foreach (var (op, inputs) in OpCoverageTests.Cases.Where(test => Refused.ContainsKey(test.Op.GetType())))
        {
            var error = Assert.Throws<GraphException>(() => OnnxExport.ToModel(GraphOf(op, inputs)));
            Assert.Contains(op.Name, error.Message, StringComparison.Ordinal);
            Assert.Contains(Refused[op.GetType()], error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ToModel_OfAdaptivePoolingByUnequalWindows_SaysWhichSizes() => Assert.Contains("multiples of 4 x 4",
        Assert.Throws<GraphException>(() => OnnxExport.ToModel(GraphOf(new AdaptiveAvgPool2d(4, 4), [Image]))).Message, StringComparison.Ordinal);

    [Fact]
    public void ToModel_OfScatteringTheLarger_NeedsOpset18()
    {
        Tensor[] inputs = [Matrix, Ids(2, 2, 2), Floats([2, 2])];
        var graph = GraphOf(new ScatterElements(0, ScatterKind.Maximum), inputs);
        Assert.Contains("opset 18", Assert.Throws<GraphException>(() => OnnxExport.ToModel(graph)).Message, StringComparison.Ordinal);
        AssertSameBits(Op.ApplySingle(new ScatterElements(0, ScatterKind.Maximum), inputs), Run(graph, 18, inputs)[0]);
    }

    private static Graph GraphOf(Op op, Tensor[] inputs)
    {
        var builder = new GraphBuilder();
        var values = inputs.Select((input, i) => builder.Input($"x{i}", input.DType, [.. input.Shape.Select(SymbolicDim.FromInt32)])).ToList();
        foreach (var (i, output) in builder.Apply(op, values).Index())
            builder.Output($"y{i}", output);
        return builder.Build();
    }

    private Tensor[] Run(Graph graph, int opset, Tensor[] inputs)
    {
        OnnxFile.Save(OnnxExport.ToModel(graph, opset), _folder["m.onnx"], overwrite: true);
        using var file = OnnxFile.Open(_folder["m.onnx"]);
        return new OnnxModule(file).Forward(inputs);
    }
}
