using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Functions of one or two numbers, and truth values.</summary>
internal static class Arithmetic
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Add"] = Binary(new Add()), ["Sub"] = Binary(new Subtract()), ["Mul"] = Binary(new Multiply()), ["Div"] = Binary(new Divide()),
        ["Pow"] = call => [PowerOf(call)],
        ["Mod"] = call => [Apply(new Modulo(call.Flag("fmod")), call[0], call[1])],
        ["Min"] = Fold(new Minimum()), ["Max"] = Fold(new Maximum()), ["Sum"] = Fold(new Add()),
        ["Mean"] = call => [Sum(call).Divide(Constant(call.Count, call[0].DType))],
        ["Equal"] = Compare(Comparison.Equal), ["Less"] = Compare(Comparison.Less), ["LessOrEqual"] = Compare(Comparison.LessOrEqual),
        ["Greater"] = Compare(Comparison.Greater), ["GreaterOrEqual"] = Compare(Comparison.GreaterOrEqual),
        ["And"] = call => [Apply(new Logical(LogicalKind.And), call[0], Aligned(call))],
        ["Or"] = call => [Apply(new Logical(LogicalKind.Or), call[0], Aligned(call))],
        ["Xor"] = call => [Apply(new Logical(LogicalKind.Xor), call[0], Aligned(call))],
        ["Not"] = call => [call[0].Compare(Comparison.Equal, Tensor.From<bool>([false], []))],
        ["Where"] = call => [Tensor.Where(call[0], call[1], call[2])],
        ["IsNaN"] = call => [call[0].Compare(Comparison.NotEqual, call[0])],
        ["IsInf"] = IsInf,
        ["Neg"] = call => [call[0].DType == DType.F32 ? Apply(new Negate(), call[0]) : Constant(0, call[0].DType).Subtract(call[0])],
        ["Abs"] = call => [call[0].DType == DType.F32 ? Apply(new Abs(), call[0]) : Magnitude(call[0])],
        ["Sign"] = call => [InSingle(x => Apply(new Sign(), x.Cast(DType.F32)).Cast(x.DType), call[0])],
        ["Cast"] = call => [call[0].Cast(call.TypeOf("to"))],
        ["CastLike"] = call => [call[0].Cast(call[1].DType)],
        ["Identity"] = call => [call[0]],
        ["Clip"] = Clip,
        ["BitShift"] = call => [Shift(call)],
    };

    private static OnnxOperator Binary(Op op) => call => [Apply(op, call[0], Aligned(call))];

    private static OnnxOperator Compare(Comparison kind) => call => [call[0].Compare(kind, Aligned(call))];

    private static OnnxOperator Fold(Op op) => call => [call.All.Aggregate((a, b) => Apply(op, a, b))];

    private static Tensor Sum(OperatorCall call) => call.All.Aggregate((a, b) => a.Add(b));

    /// <summary>The second input; before version 7 an axis could say where its axes lie within those of the first.</summary>
    private static Tensor Aligned(OperatorCall call)
    {
        if (call.Version >= 7 || !call.Has("axis"))
            return call[1];
        var axis = call.Axis(call[0].Shape.Rank, 0);
        var trailing = call[0].Shape.Rank - axis - call[1].Shape.Rank;
        return call[1].Reshape([.. call[1].Shape.Dims, .. Enumerable.Repeat(1, Math.Max(0, trailing))]);
    }

    private static Tensor PowerOf(OperatorCall call)
    {
        var (x, exponent) = (call[0], Aligned(call));
        return x.DType.IsFloatingPoint() || !exponent.DType.IsFloatingPoint()
            ? x.Power(exponent.Cast(x.DType))
            : x.Cast(exponent.DType).Power(exponent).Cast(x.DType);
    }

    private static Tensor Magnitude(Tensor x) =>
        x.DType is DType.U8 or DType.U16 or DType.U32 or DType.U64 ? x : x.Maximum(Constant(0, x.DType).Subtract(x));

    private static Tensor?[] IsInf(OperatorCall call)
    {
        var x = call[0];
        var above = x.Compare(Comparison.Equal, Constant(float.PositiveInfinity, x.DType));
        var below = x.Compare(Comparison.Equal, Constant(float.NegativeInfinity, x.DType));
        return [(call.Flag("detect_positive", true), call.Flag("detect_negative", true)) switch
        {
            (true, true) => Apply(new Logical(LogicalKind.Or), above, below),
            (true, false) => above,
            (false, true) => below,
            _ => Apply(new Logical(LogicalKind.And), above, below),
        }];
    }

    private static Tensor?[] Clip(OperatorCall call)
    {
        var x = call[0];
        if (x.DType == DType.F32)
        {
            var low = call.Optional(1) is null ? call.Float("min", float.NegativeInfinity) : call.Scalar(1);
            var high = call.Optional(2) is null ? call.Float("max", float.PositiveInfinity) : call.Scalar(2);
            return [low <= high ? Apply(new Clip(low, high), x) : Constant(high).Expand(x.Shape)];
        }
        if (call.Optional(1) is { } minimum)
            x = x.Maximum(minimum);
        if (call.Optional(2) is { } maximum)
            x = x.Minimum(maximum);
        return [x];
    }

    private static Tensor Shift(OperatorCall call)
    {
        var factor = Constant(2, DType.U64).Power(call[1].Cast(DType.U64));
        var x = call[0].Cast(DType.U64);
        return (call.Text("direction", "") == "LEFT" ? x.Multiply(factor) : x.Divide(factor)).Cast(call[0].DType);
    }
}
