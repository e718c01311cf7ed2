using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>What each op is in ONNX's operators: one small rule for each. An op without a rule can't be exported.</summary>
internal static class ExportRules
{
    private const string Loss = "a loss, which is part of training; export what it is computed from";
    private const string SizedByValues = "the size of its result depends on values, which no graph can hold";

    private static readonly Dictionary<Type, Action<NodeWriter>> Rules = new()
    {
        [typeof(Add)] = Named("Add"), [typeof(Subtract)] = Named("Sub"), [typeof(Multiply)] = Named("Mul"), [typeof(Divide)] = Named("Div"),
        [typeof(Minimum)] = Named("Min"), [typeof(Maximum)] = Named("Max"), [typeof(Power)] = Named("Pow"), [typeof(Modulo)] = ElementRules.Modulo,
        [typeof(Relu)] = Named("Relu"), [typeof(Tanh)] = Named("Tanh"), [typeof(Sigmoid)] = Named("Sigmoid"), [typeof(Erf)] = Named("Erf"),
        [typeof(Exp)] = Named("Exp"), [typeof(Log)] = Named("Log"), [typeof(Sqrt)] = Named("Sqrt"), [typeof(Reciprocal)] = Named("Reciprocal"),
        [typeof(Softplus)] = Named("Softplus"), [typeof(Softsign)] = Named("Softsign"), [typeof(Abs)] = Named("Abs"), [typeof(Negate)] = Named("Neg"),
        [typeof(Sign)] = Named("Sign"), [typeof(Floor)] = Named("Floor"), [typeof(Ceiling)] = Named("Ceil"), [typeof(Round)] = Named("Round"),
        [typeof(Sin)] = Named("Sin"), [typeof(Cos)] = Named("Cos"), [typeof(Tan)] = Named("Tan"), [typeof(Asin)] = Named("Asin"),
        [typeof(Acos)] = Named("Acos"), [typeof(Atan)] = Named("Atan"), [typeof(Sinh)] = Named("Sinh"), [typeof(Cosh)] = Named("Cosh"),
        [typeof(Asinh)] = Named("Asinh"), [typeof(Acosh)] = Named("Acosh"), [typeof(Atanh)] = Named("Atanh"),
        [typeof(HardSwish)] = Named("HardSwish"), [typeof(Silu)] = ElementRules.Silu, [typeof(Gelu)] = ElementRules.Gelu,
        [typeof(Mish)] = ElementRules.Mish, [typeof(Clip)] = ElementRules.Clip,
        [typeof(LeakyRelu)] = With<LeakyRelu>("LeakyRelu", op => [From("alpha", op.Alpha)]),
        [typeof(Elu)] = With<Elu>("Elu", op => [From("alpha", op.Alpha)]),
        [typeof(Celu)] = With<Celu>("Celu", op => [From("alpha", op.Alpha)]),
        [typeof(Selu)] = With<Selu>("Selu", op => [From("alpha", op.Alpha), From("gamma", op.Gamma)]),
        [typeof(ThresholdedRelu)] = With<ThresholdedRelu>("ThresholdedRelu", op => [From("alpha", op.Alpha)]),
        [typeof(Shrink)] = With<Shrink>("Shrink", op => [From("lambd", op.Lambda), From("bias", op.Bias)]),
        [typeof(HardSigmoid)] = With<HardSigmoid>("HardSigmoid", op => [From("alpha", op.Alpha), From("beta", op.Beta)]),
        [typeof(Compare)] = ElementRules.Compare, [typeof(Where)] = Named("Where"), [typeof(Contiguous)] = Named("Identity"),
        [typeof(Logical)] = c => c.Result(c.Op<Logical>().Kind.ToString(), c.Inputs),
        [typeof(Cast)] = With<Cast>("Cast", op => [From("to", (long)op.To.ToOnnx())]),

        [typeof(Softmax)] = With<Softmax>("Softmax", _ => [From("axis", -1)]),
        [typeof(LogSoftmax)] = With<LogSoftmax>("LogSoftmax", _ => [From("axis", -1)]),
        [typeof(Sum)] = c => Reduce(c, "ReduceSum", [-1], keep: false), [typeof(Mean)] = c => Reduce(c, "ReduceMean", [-1], keep: false),
        [typeof(Reduce)] = c => Reduce(c, ElementRules.NameOf(c.Op<Reduce>().Kind), c.Op<Reduce>().Axes, keep: true),
        [typeof(ArgMax)] = With<ArgMax>("ArgMax", _ => [From("axis", -1), From("keepdims", 0)]),
        [typeof(CumulativeSum)] = ElementRules.CumulativeSum, [typeof(SlidingSum)] = ElementRules.SlidingSum,
        [typeof(L2Normalize)] = LayerRules.L2Normalize,
        [typeof(TopK)] = ShapeRules.TopK, [typeof(Triangle)] = ShapeRules.Triangle,

        [typeof(Linear)] = LayerRules.Linear, [typeof(MatMul)] = LayerRules.MatMul, [typeof(Attention)] = AttentionRules.Attention,
        [typeof(RotaryEmbedding)] = AttentionRules.Rotary, [typeof(Conv2d)] = WindowRules.Convolution,
        [typeof(BatchNorm)] = With<BatchNorm>("BatchNormalization", op => [From("epsilon", op.Epsilon)]),
        [typeof(BatchNormTraining)] = Unsupported("it normalises by the batch's own statistics, as in training; trace in evaluation mode"),
        [typeof(LayerNorm)] = With<LayerNorm>("LayerNormalization", op => [From("axis", -1), From("epsilon", op.Epsilon)]),
        [typeof(RmsNorm)] = LayerRules.RmsNorm, [typeof(MaxPool2d)] = WindowRules.MaxPool, [typeof(AvgPool2d)] = WindowRules.AveragePool,
        [typeof(FusedConv2d)] = Unsupported("it is what an InferenceModule made of several ops; export the graph it was made of"),
        [typeof(RoiAlign)] = With<RoiAlign>("RoiAlign", op => [From("output_height", op.Height), From("output_width", op.Width),
            From("sampling_ratio", op.Samples), From("spatial_scale", op.Scale), From("mode", op.Maximum ? "max" : "avg"),
            From("coordinate_transformation_mode", op.HalfPixel ? "half_pixel" : "output_half_pixel")]),
        [typeof(AdaptiveAvgPool2d)] = WindowRules.AdaptivePool, [typeof(Unfold)] = WindowRules.Unfold, [typeof(Fold)] = WindowRules.Fold,
        [typeof(Embedding)] = c => c.Result("Gather", [c[1], c[0]], From("axis", 0)),

        [typeof(Reshape)] = ShapeRules.Reshape, [typeof(Transpose)] = ShapeRules.Transpose,
        [typeof(Permute)] = With<Permute>("Transpose", op => [From("perm", op.Axes.Select(axis => (long)axis))]),
        [typeof(Expand)] = c => c.Result("Expand", [c[0], c.Sizes(c.Node.Sizes)]),
        [typeof(Squeeze)] = c => c.Result("Squeeze", [c[0], c.Numbers(c.Op<Squeeze>().Axis)]),
        [typeof(Unsqueeze)] = c => c.Result("Unsqueeze", [c[0], c.Numbers(c.Op<Unsqueeze>().Axis)]),
        [typeof(Narrow)] = ShapeRules.Narrow, [typeof(Slice)] = ShapeRules.Slice,
        [typeof(Concat)] = With<Concat>("Concat", op => [From("axis", op.Axis)]),
        [typeof(Pad)] = ShapeRules.Pad, [typeof(Arange)] = ShapeRules.Arange, [typeof(ShapeOf)] = Named("Shape"),
        [typeof(Gather)] = With<Gather>("Gather", op => [From("axis", op.Axis)]),
        [typeof(GatherElements)] = With<GatherElements>("GatherElements", op => [From("axis", op.Axis)]),
        [typeof(GatherND)] = With<GatherND>("GatherND", op => [From("batch_dims", op.BatchAxes)]),
        [typeof(ScatterElements)] = c => ShapeRules.Scatter(c, "ScatterElements", From("axis", c.Op<ScatterElements>().Axis)),
        [typeof(ScatterND)] = c => ShapeRules.Scatter(c, "ScatterND"),

        [typeof(NonZero)] = Unsupported(SizedByValues), [typeof(NonMaxSuppression)] = Unsupported(SizedByValues),
        [typeof(CrossEntropy)] = Unsupported(Loss), [typeof(KlDivergence)] = Unsupported(Loss), [typeof(MeanSquaredError)] = Unsupported(Loss),
    };

    /// <summary>Writes a node by the rule of its op.</summary>
    public static void Apply(NodeWriter node)
    {
        if (!Rules.TryGetValue(node.Node.Op.GetType(), out var rule))
            throw node.Refused("there is no rule for this op");
        rule(node);
    }

    /// <summary>Whether an op has a rule, if only a reason why it can't be exported.</summary>
    public static bool Knows(Type op) => Rules.ContainsKey(op);

    private static Action<NodeWriter> Named(string name) => c => c.Result(name, c.Inputs);

    private static Action<NodeWriter> With<T>(string name, Func<T, AttributeProto[]> attributes) where T : Op =>
        c => c.Result(name, c.Inputs, attributes(c.Op<T>()));

    private static Action<NodeWriter> Unsupported(string why) => c => throw c.Refused(why);

    private static void Reduce(NodeWriter c, string name, IEnumerable<int> axes, bool keep)
    {
        var (inputs, attributes) = c.Reduction(name, c[0], axes, keep);
        c.Result(name, inputs, attributes);
    }
}
