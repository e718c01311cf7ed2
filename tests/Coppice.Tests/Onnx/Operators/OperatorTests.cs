using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx.Operators;

/// <summary>Operators against results written down by hand; ONNX's own conformance models are run by the benchmark project.</summary>
public sealed class OperatorTests
{
    private static readonly Tensor Row = Floats(-2, -1, 0, 1, 2);
    private static readonly Tensor Matrix = Tensor.From<float>([1, 2, 3, 4, 5, 6], [2, 3]);
    private static readonly Tensor Image = Tensor.From<float>([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3]);

    private static readonly (string Mode, string Padding, int Corners, float[] Expected)[] GridCases =
    [
        ("bilinear", "zeros", 0, [2.5f, 1f, 0f]),
        ("bilinear", "zeros", 1, [2.5f, 1.75f, 2.4375f]),
        ("bilinear", "border", 0, [2.5f, 1f, 3.5f]),
        ("bilinear", "border", 1, [2.5f, 1.75f, 3.25f]),
        ("bilinear", "reflection", 0, [2.5f, 1f, 3.5f]),
        ("bilinear", "reflection", 1, [2.5f, 1.75f, 3f]),
        ("nearest", "zeros", 0, [1f, 1f, 0f]),
        ("nearest", "zeros", 1, [1f, 1f, 4f]),
        ("nearest", "border", 0, [1f, 1f, 4f]),
        ("nearest", "border", 1, [1f, 1f, 4f]),
        ("nearest", "reflection", 0, [1f, 1f, 4f]),
        ("nearest", "reflection", 1, [1f, 1f, 4f]),
        ("bicubic", "zeros", 0, [3.525391f, 1f, 0f]),
        ("bicubic", "zeros", 1, [3.525391f, 2.196594f, 3.102196f]),
        ("bicubic", "border", 0, [2.5f, 1f, 3.546875f]),
        ("bicubic", "border", 1, [2.5f, 1.679688f, 3.384766f]),
        ("bicubic", "reflection", 0, [2.5f, 1f, 3.546875f]),
        ("bicubic", "reflection", 1, [2.5f, 1.46875f, 3.210938f]),
    ];

    [Fact]
    public void Arithmetic_EachOperator_ComputesElements()
    {
        Check([4, 5, 6, 7], "Max", [Floats(4, 5, 1, 2), Floats(0, 5, 6, 7)]);
        Check([2, 2.5f], "Mean", [Floats(1, 2), Floats(3, 3)]);
        Check([1, 4], "Pow", [Tensor.From<long>([1, 2], [2]), Floats(2)], DType.I64);
        Check([1, -1], "Mod", [Tensor.From<long>([7, -7], [2]), Tensor.From<long>([2, 2], [2])], DType.I64, Int("fmod", 1));
        Check([-1, -1, 0, 1, 1], "Clip", [Row, Floats(-1).Squeeze(0), Floats(1).Squeeze(0)]);
        Check([-2, -1, 0, 0, 0], "Clip", [Row], opset: 6, attribute: AttributeProto.From("max", 0f));
        Check([8, 12], "BitShift", [Tensor.From<byte>([2, 3], [2]), Tensor.From<byte>([2, 2], [2])], DType.U8, AttributeProto.From("direction", "LEFT"));
        Check([1, 0], "Cast", [Floats(2.5f, 0)], DType.Bool, Int("to", (long)TensorDataType.Bool));
        Check([11, 21, 31, 42, 52, 62], "Add", [Tensor.From<float>([10, 20, 30, 40, 50, 60], [2, 3]), Floats(1, 2)], opset: 6,
            attributes: [Int("broadcast", 1), Int("axis", 0)]);
    }

    [Fact]
    public void Activations_EachOperator_ComputesElements()
    {
        Check([-0.2f, -0.1f, 0, 1, 2], "LeakyRelu", [Row], attribute: AttributeProto.From("alpha", 0.1f));
        Check([-1, -0.5f, 0, 1, 2], "PRelu", [Row, Floats(0.5f)]);
        Check([0, 0, 0, 0, 1], "Hardmax", [Row]);
        Check([0.5f, 0.5f, 0.5f, 0.5f], "Softmax", [Tensor.Full([2, 2], 3)]);
        Check([0.25f, 0.25f, 0.25f, 0.25f], "Softmax", [Tensor.Full([1, 2, 2], 3)], opset: 11);
    }

    [Fact]
    public void Shaping_EachOperator_MovesElements()
    {
        Check([2, 3], "Shape", [Matrix], DType.I64);
        Check([3], "Shape", [Matrix], DType.I64, Int("start", -1));
        Check([1, 4, 2, 5, 3, 6], "Transpose", [Matrix]);
        Check([3, 2, 1, 6, 5, 4], "Slice", [Matrix, Longs(-1), Longs(-1000), Longs(1), Longs(-1)]);
        Check([5, 6], "Slice", [Matrix, Longs(1, 1), Longs(long.MaxValue, 3)]);
        Check([1, 2, 1, 2, 1, 2, 1, 2], "Tile", [Tensor.From<float>([1, 2], [1, 2]), Longs(2, 2)]);
        Check([0, 0, 0, 0, 0], "ConstantOfShape", [Longs(5)]);
        Check([10, 7, 4], "Range", [Longs(10).Squeeze(0), Longs(2).Squeeze(0), Longs(-3).Squeeze(0)], DType.I64);
        Check([3, 2, 1, 2, 3, 2, 1], "Pad", [Floats(1, 2, 3), Longs(2, 2)], attribute: AttributeProto.From("mode", "reflect"));
        Check([1, 1, 1, 2, 3, 3], "Pad", [Floats(1, 2, 3), Longs(2, 1)], attribute: AttributeProto.From("mode", "edge"));
        Check([2, 9], "Pad", [Floats(1, 2), Longs(-1, 1), Floats(9)]);
        Check([1, 2, 3, 4], "DepthToSpace", [Tensor.From<float>([1, 2, 3, 4], [1, 4, 1, 1])], attribute: Int("blocksize", 2));
        Check([1, 0, 0, 0, 1, 0], "EyeLike", [Matrix]);
        var parts = OneNode.Run("Split", [Row], 3, 13);
        Assert.Equal([2, 2, 1], parts.Select(part => part.Shape[0]));
        Assert.Equal<Shape>([1, 2, 1, 3], OneNode.Run("Unsqueeze", [Matrix, Longs(0, -2)])[0].Shape);
        Assert.Equal<Shape>([3, 2], OneNode.Run("Reshape", [Matrix, Longs(3, -1)])[0].Shape);
        Assert.Equal<Shape>([2, 3], OneNode.Run("Reshape", [Matrix, Longs(0, 0)])[0].Shape);
    }

    [Fact]
    public void Indexing_EachOperator_FindsElements()
    {
        Check([2, 2], "ArgMax", [Matrix], DType.I64, Int("axis", 1));
        Check([1], "ArgMax", [Floats(5, 5)], DType.I64, Int("select_last_index", 1));
        Check([0], "ArgMin", [Floats(3, 5)], DType.I64);
        Check([0, 1, 1, 0], "OneHot", [Longs(1, -2), Longs(2), Floats(0, 1)]);
        Check([2, 3, 5, 6], "Compress", [Matrix, Tensor.From<bool>([false, true, true], [3])], attribute: Int("axis", 1));
        Check([2, 1, 3, 4, 5, 6], "ReverseSequence", [Matrix, Longs(2, 1)], attributes: [Int("batch_axis", 0), Int("time_axis", 1)]);
        var top = OneNode.Run("TopK", [Matrix, Longs(1)], 2, 17, Int("axis", 0));
        Assert.Equal([4f, 5, 6], top[0].ToArray<float>());
        Assert.Equal([1L, 1, 1], top[1].ToArray<long>());
        var boxes = Tensor.From<float>([0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 5, 1, 6], [1, 3, 4]);
        Check([0, 0, 1, 0, 0, 2], "NonMaxSuppression", [boxes, Tensor.From<float>([0.8f, 0.9f, 0.5f], [1, 1, 3]), Longs(5), Floats(0.5f)], DType.I64);
    }

    [Fact]
    public void Reductions_EachOperator_KeepsOrDropsAxes()
    {
        Check([6, 15], "ReduceSum", [Matrix, Longs(1)]);
        Check([21], "ReduceSum", [Matrix]);
        Check([1, 2, 3, 4, 5, 6], "ReduceSum", [Matrix], attribute: Int("noop_with_empty_axes", 1));
        Check([5, 7, 9], "ReduceL1", [Matrix], attribute: AttributeProto.From("axes", [0L]));
        Check([5], "ReduceL2", [Floats(3, 4)]);
        Assert.Equal<Shape>([2], OneNode.Run("ReduceMax", [Matrix], 1, 13, AttributeProto.From("axes", [-1L]), Int("keepdims", 0))[0].Shape);
    }

    [Fact]
    public void Matrices_EachOperator_Multiplies()
    {
        Check([14, 32, 32, 77], "Gemm", [Matrix, Matrix], attribute: Int("transB", 1));
        Check([29, 65, 65, 155], "Gemm", [Matrix, Matrix, Floats(1, 1)], attributes: [Int("transB", 1), AttributeProto.From("alpha", 2f)]);
        Check([6, 15], "MatMul", [Matrix, Floats(1, 1, 1)]);
        Check([14, 32, 32, 77], "Einsum", [Matrix, Matrix], attribute: AttributeProto.From("equation", "ij,kj->ik"));
        Check([12, 24, 30, 60], "Einsum", [Matrix, Tensor.Full([3, 2], 1), Floats(1, 2)],
            attribute: AttributeProto.From("equation", "ij,jk,l->il"));
        Check([2, 8, 18, 4, 10, 18], "Einsum", [Tensor.From<float>([1, 2, 3, 4, 5, 6], [2, 1, 3]), Tensor.From<float>([2, 4, 6, 1, 2, 3], [2, 1, 3])],
            attribute: AttributeProto.From("equation", "a...c,a...c->a...c"));
        Check([6], "Einsum", [Tensor.From<float>([1, 2, 3, 5], [2, 2])], attribute: AttributeProto.From("equation", "ii"));
        Check([1, 4, 2, 5, 3, 6], "Einsum", [Matrix], attribute: AttributeProto.From("equation", "...i -> i..."));
    }

    [Fact]
    public void Convolution_StepsAndPaddingsOfAllKinds_AreRight()
    {
        var ones = Tensor.Full([1, 1, 2, 2], 1);
        Check([12, 16, 24, 28], "Conv", [Image, ones]);
        Check([1, 5, 11, 28], "Conv", [Image, ones], attributes: [AttributeProto.From("pads", [1L, 1, 0, 0]), AttributeProto.From("strides", [2L, 2])]);
        Check([12, 16], "Conv", [Image, ones], attribute: AttributeProto.From("strides", [2L, 1]));
        Check([12, 16, 9, 24, 28, 15, 15, 17, 9], "Conv", [Image, ones], attribute: AttributeProto.From("auto_pad", "SAME_UPPER"));
        Check([3, 5, 7, 9], "Conv", [Row.Reshape(1, 1, 5).Add(Floats(3)), Tensor.Full([1, 1, 2], 1)]);
        Check([9], "Conv", [Tensor.From<float>([1, 2, 3, 4], [1, 1, 1, 2, 2]), Tensor.Full([1, 1, 1, 2, 2], 1), Floats(-1)]);
        Check([1, 3, 2, 5, 12, 7, 4, 9, 5], "ConvTranspose", [Tensor.From<float>([1, 2, 4, 5], [1, 1, 2, 2]), ones]);
        Check([12], "ConvTranspose", [Tensor.From<float>([1, 2, 4, 5], [1, 1, 2, 2]), ones], attribute: AttributeProto.From("pads", [1L, 1, 1, 1]));
    }

    [Fact]
    public void Pooling_StepsAndPaddingsOfAllKinds_AreRight()
    {
        AttributeProto two = AttributeProto.From("kernel_shape", [2L, 2]), step = AttributeProto.From("strides", [2L, 2]);
        Check([5, 6, 8, 9], "MaxPool", [Image], attribute: two);
        Check([5, 6, 8, 9], "MaxPool", [Image], attributes: [two, step, Int("ceil_mode", 1)]);
        Check([1, 3, 7, 9], "MaxPool", [Image], attributes: [two, step, AttributeProto.From("pads", [1L, 1, 0, 0])]);
        Check([9], "MaxPool", [Image], attributes: [two, AttributeProto.From("dilations", [2L, 2])]);
        Check([3, 4.5f, 7.5f, 9], "AveragePool", [Image], attributes: [two, step, Int("ceil_mode", 1)]);
        Check([1, 2.5f, 5.5f, 7], "AveragePool", [Image], attributes: [two, step, AttributeProto.From("pads", [1L, 1, 0, 0])]);
        Check([0.25f, 1.25f, 2.75f, 7], "AveragePool", [Image],
            attributes: [two, step, AttributeProto.From("pads", [1L, 1, 0, 0]), Int("count_include_pad", 1)]);
        Check([5], "GlobalAveragePool", [Image]);
        Check([9], "GlobalMaxPool", [Image]);
    }

    [Fact]
    public void MaxPool_WithIndices_SaysWhereTheLargestAre()
    {
        AttributeProto two = AttributeProto.From("kernel_shape", [2L, 2]), step = AttributeProto.From("strides", [2L, 2]);
        var twice = Tensor.Concat(1, Image, Image.Multiply(Tensor.Full([], -1)));
        var pooled = OneNode.Run("MaxPool", [twice], 2, 17, two, AttributeProto.From("pads", [1L, 1, 0, 0]), step);
        Assert.Equal([1f, 3, 7, 9, -1, -2, -4, -5], pooled[0].ToArray<float>());
        Assert.Equal([0L, 2, 6, 8, 9, 10, 12, 13], pooled[1].ToArray<long>());
        Assert.Equal([4L, 7, 5, 8], OneNode.Run("MaxPool", [Image], 2, 17, two, Int("storage_order", 1))[1].ToArray<long>());
        Check([0, 0, 0, 5], "MaxUnpool", [Tensor.Full([1, 1, 1, 1], 5), Tensor.From<long>([3], [1, 1, 1, 1])], attribute: two);
        Check([0, 5, 0, 0, 0, 0], "MaxUnpool", [Tensor.Full([1, 1, 1, 1], 5), Tensor.From<long>([1], [1, 1, 1, 1]), Longs(1, 1, 2, 3)], attribute: two);
    }

    /// <summary>Expected values are torch.nn.functional.grid_sample's.</summary>
    [Fact]
    public void GridSample_EachModeAndPadding_ReadsBetweenPixels()
    {
        var x = Tensor.From<float>([1, 2, 3, 4], [1, 1, 2, 2]);
        var grid = Tensor.From<float>([0, 0, -0.5f, -0.5f, 1.5f, 0.25f], [1, 1, 3, 2]);
        foreach (var (mode, padding, corners, expected) in GridCases)
            Check(expected, "GridSample", [x, grid],
                attributes: [AttributeProto.From("mode", mode), AttributeProto.From("padding_mode", padding), Int("align_corners", corners)]);
    }

    [Fact]
    public void Signals_EachOperator_FollowsItsFormula()
    {
        Check([0, 0.5f, 1, 0.5f], "HannWindow", [Longs(4).Squeeze(0)]);
        Check([0, 0.75f, 0.75f, 0], "HannWindow", [Longs(4).Squeeze(0)], attribute: Int("periodic", 0));
        Check([2f / 23, 25f / 46, 1, 25f / 46], "HammingWindow", [Longs(4).Squeeze(0)]);
        Check([0, 0.34f, 1, 0.34f], "BlackmanWindow", [Longs(4).Squeeze(0)]);
        var signal = Tensor.From<float>([1, 2, 3, 4], [1, 4, 1]);
        Check([10, 0, -2, 2, -2, 0, -2, -2], "DFT", [signal], attribute: Int("axis", 1));
        Check([10, 0, -2, 2, -2, 0], "DFT", [signal], attributes: [Int("axis", 1), Int("onesided", 1)]);
        Check([1, 0, 2, 0, 3, 0, 4, 0], "DFT", [Tensor.From<float>([10, 0, -2, 2, -2, 0, -2, -2], [1, 4, 2])], attributes: [Int("axis", 1), Int("inverse", 1)]);
        Check([3, 0, -1, 0, 7, 0, -1, 0], "STFT", [signal, Longs(2).Squeeze(0), Floats(1, 1)]);
    }

    [Fact]
    public void Normalization_EachOperator_CentersAndScales()
    {
        Check([-1, 1], "LayerNormalization", [Floats(1, 3), Floats(1, 1)], attribute: AttributeProto.From("epsilon", 0f));
        Check([-1, 3], "InstanceNormalization", [Tensor.From<float>([1, 3], [1, 1, 2]), Floats(2), Floats(1)], attribute: AttributeProto.From("epsilon", 0f));
        Check([1.5f, 2.5f], "BatchNormalization", [Tensor.From<float>([1, 3], [1, 1, 2]), Floats(1), Floats(2), Floats(2), Floats(4)],
            attribute: AttributeProto.From("epsilon", 0f));
        Check([1f / 2, 2f / 5], "LRN", [Tensor.From<float>([1, 2], [1, 1, 1, 2])],
            attributes: [Int("size", 1), AttributeProto.From("alpha", 1f), AttributeProto.From("beta", 1f)]);
    }

    [Fact]
    public void Resize_EachMode_Interpolates()
    {
        var x = Tensor.From<float>([1, 2], [1, 1, 1, 2]);
        Check([1, 1, 2, 2], "Resize", [x, null, null, Longs(1, 1, 1, 4)], attribute: AttributeProto.From("mode", "nearest"));
        Check([1, 1.25f, 1.75f, 2], "Resize", [x, null, Floats(1, 1, 1, 2)], attribute: AttributeProto.From("mode", "linear"));
        Check([1, 1.5f, 2], "Resize", [x, null, null, Longs(1, 1, 1, 3)],
            attributes: [AttributeProto.From("mode", "linear"), AttributeProto.From("coordinate_transformation_mode", "align_corners")]);
    }

    [Fact]
    public void Recurrent_EachCell_StepsThroughTime()
    {
        var x = Tensor.From<float>([1, 1], [2, 1, 1]);
        var tanh = (float)Math.Tanh(1);
        var rnn = OneNode.Run("RNN", [x, Tensor.Full([1, 1, 1], 1), Tensor.Full([1, 1, 1], 1)], 2, 14, Int("hidden_size", 1));
        Assert.Equal([tanh, (float)Math.Tanh(1 + tanh)], rnn[0].ToArray<float>().Select(value => value), (a, b) => Math.Abs(a - b) < 1e-6);
        var lstm = OneNode.Run("LSTM", [x, Tensor.Zeros([1, 4, 1]), Tensor.Zeros([1, 4, 1]), null, null, null, Tensor.Full([1, 1, 1], 8)], 3, 14,
            Int("hidden_size", 1));
        Assert.Equal(2f, lstm[2].ToArray<float>()[0]); // half is forgotten at each step
        var gru = OneNode.Run("GRU", [x, Tensor.Zeros([1, 3, 1]), Tensor.Zeros([1, 3, 1]), null, null, Tensor.Full([1, 1, 1], 8)], 2, 14,
            Int("hidden_size", 1));
        Assert.Equal([4f, 2f], gru[0].ToArray<float>());
    }

    /// <summary>All operators, by name.</summary>
    public static TheoryData<string> Known => [.. typeof(OperatorCall).Assembly.GetTypes().Where(type => type.Namespace == typeof(OperatorCall).Namespace)
        .Select(type => type.GetProperty("Operators")?.GetValue(null)).OfType<Dictionary<string, OnnxOperator>>()
        .SelectMany(operators => operators.Keys).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Known))]
    public void Run_InputsLeftOut_IsRefusedByNameOrDone(string op)
    {
        for (var given = 0; given < 5; given++)
        {
            Tensor?[] inputs = [.. Enumerable.Range(0, 8).Select(i => i < given ? Tensor.Full([2, 2, 2, 2], 1) : null)];
            var error = Record.Exception(() => OneNode.Run(op, inputs));
            Assert.True(error is null or OnnxException, $"{given} inputs: {error}");
        }
    }

    [Theory]
    [InlineData("Resize", 17, "inputs 2 (scales) and 3 (sizes) are both missing")]
    [InlineData("Upsample", 9, "scales are missing")]
    public void Resize_NoSizes_SaysWhatIsMissing(string op, long opset, string message) => Assert.Contains(message,
        Assert.Throws<OnnxException>(() => OneNode.Run(op, [Tensor.Zeros([1, 1, 2, 2]), null], 1, opset)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("OneHot")]
    [InlineData("CumSum")]
    [InlineData("TopK")]
    public void Run_EmptyInputForANumber_SaysWhich(string op) => Assert.Contains("is empty, and has to be a number",
        Assert.Throws<OnnxException>(() => OneNode.Run(op, [Tensor.Zeros([2]), Tensor.From<long>([], [0]), Tensor.Zeros([2])])).Message,
        StringComparison.Ordinal);

    [Fact]
    public void If_EachBranch_SeesTheOuterGraph()
    {
        var model = OneNode.Model("If", [Tensor.From<bool>([true], [])], 1, 17);
        model.Graph!.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, []));
        foreach (var (branch, op) in (ReadOnlySpan<(string, string)>)[("then_branch", "Neg"), ("else_branch", "Exp")])
        {
            var body = new GraphProto { Name = branch };
            var node = new NodeProto { OpType = op };
            node.Inputs.Add("x");
            node.Outputs.Add("z");
            body.Nodes.Add(node);
            body.Outputs.Add(new() { Name = "z" });
            model.Graph.Nodes[0].Attributes.Add(new() { Name = branch, Graph = body, Type = AttributeType.Graph });
        }
        using var folder = new TempFolder();
        OnnxFile.Save(model, folder["m.onnx"]);
        using var file = OnnxFile.Open(folder["m.onnx"]);
        var module = new OnnxModule(file);
        Assert.Equal(-2, module.Forward(Tensor.From<bool>([true], []), Floats(2).Squeeze(0))[0].Item<float>());
        Assert.Equal(1, module.Forward(Tensor.From<bool>([false], []), Floats(0).Squeeze(0))[0].Item<float>());
    }

    [Fact]
    public void Quantization_EachWay_RoundsAndClamps()
    {
        Check([0, 129, 255], "QuantizeLinear", [Floats(-500, 2, 500), Floats(2), Tensor.From<byte>([128], [1])], DType.U8);
        Check([-4, 2], "DequantizeLinear", [Tensor.From<byte>([126, 129], [2]), Floats(2), Tensor.From<byte>([128], [1])]);
    }

    [Fact]
    public void Losses_IgnoredClasses_DoNotCount()
    {
        var logs = Tensor.From<float>([-1, -2, -3, -4], [2, 2]);
        Check([3.5f], "NegativeLogLikelihoodLoss", [Tensor.From<float>([-3, -2, -3, -4], [2, 2]), Longs(0, 1)]);
        Check([4], "NegativeLogLikelihoodLoss", [logs, Longs(0, 1)], attribute: Int("ignore_index", 0));
        Check([MathF.Log(2)], "SoftmaxCrossEntropyLoss", [Tensor.Zeros([1, 2]), Longs(0)]);
    }

    private static void Check(float[] values, string op, Tensor?[] inputs, DType dtype = DType.F32, AttributeProto? attribute = null,
        AttributeProto[]? attributes = null, long opset = 17)
    {
        var y = OneNode.Run(op, inputs, 1, opset, attributes ?? (attribute is null ? [] : [attribute]))[0];
        Assert.Equal(dtype, y.DType);
        var actual = y.Cast(DType.F32).ToArray<float>();
        Assert.True(values.Length == actual.Length && values.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5f),
            $"{op}: {string.Join(", ", actual)} instead of {string.Join(", ", values)}");
    }

    private static AttributeProto Int(string name, long value) => AttributeProto.From(name, value);

    private static Tensor Floats(params float[] values) => Tensor.From<float>(values, [values.Length]);

    private static Tensor Longs(params long[] values) => Tensor.From<long>(values, [values.Length]);
}
