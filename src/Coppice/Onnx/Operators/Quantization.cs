using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>8-bit numbers that stand for floats: <c>x = scale (q - zero)</c>.</summary>
internal static class Quantization
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["QuantizeLinear"] = call => [Quantize(call[0], PerAxis(call, call[1]), call.Optional(2) is { } zero ? PerAxis(call, zero) : null)],
        ["DequantizeLinear"] = call => [Dequantize(call[0], PerAxis(call, call[1]), call.Optional(2) is { } zero ? PerAxis(call, zero) : null)],
        ["DynamicQuantizeLinear"] = call => Dynamic(call[0]),
        ["QLinearMatMul"] = call => [Quantize(
            Matrices.Product(Dequantize(call[0], call[1], call[2]), Dequantize(call[3], call[4], call[5])), call[6], call[7])],
        ["QLinearConv"] = call => [QLinearConv(call)],
    };

    private static Tensor PerAxis(OperatorCall call, Tensor parameter)
    {
        var rank = call[0].Shape.Rank;
        return parameter.Shape.Rank == 1 && parameter.Count > 1
            ? parameter.Reshape([parameter.Shape[0], .. WindowAttributes.Ones(rank - 1 - call.Axis(rank, 1))])
            : parameter.Reshape([]);
    }

    private static Tensor Quantize(Tensor x, Tensor scale, Tensor? zero)
    {
        var dtype = zero?.DType ?? DType.U8;
        var q = Apply(new Round(), x.Cast(DType.F32).Divide(scale.Cast(DType.F32)));
        return (zero is null ? q : q.Add(zero.Cast(DType.F32))).Cast(dtype);
    }

    private static Tensor Dequantize(Tensor q, Tensor scale, Tensor? zero)
    {
        var x = q.Cast(DType.F32);
        return (zero is null ? x : x.Subtract(zero.Cast(DType.F32))).Multiply(scale.Cast(DType.F32)).Cast(scale.DType);
    }

    private static Tensor?[] Dynamic(Tensor x)
    {
        var flat = x.Reshape(-1);
        var low = flat.Reduce(Reduction.Min, 0).Squeeze(0).Minimum(Constant(0));
        var high = flat.Reduce(Reduction.Max, 0).Squeeze(0).Maximum(Constant(0));
        var scale = high.Subtract(low).Divide(Constant(255));
        var zero = Apply(new Round(), Apply(new Clip(0, 255), Constant(0).Subtract(low.Divide(scale)))).Cast(DType.U8);
        return [Quantize(x, scale, zero), scale, zero];
    }

    private static Tensor QLinearConv(OperatorCall call)
    {
        var weight = Dequantize(call[3], PerOutput(call[4], call[3]), PerOutput(call[5], call[3]));
        var bias = call.Optional(8)?.Cast(DType.F32).Multiply(call[1]).Multiply(call[4]);
        var y = Convolution.Forward(call, Dequantize(call[0], call[1], call[2]), weight, bias);
        return Quantize(y, call[6].Reshape([]), call[7].Reshape([]));

        static Tensor PerOutput(Tensor parameter, Tensor weight) =>
            parameter.Count == 1 ? parameter.Reshape([]) : parameter.Reshape([-1, .. WindowAttributes.Ones(weight.Shape.Rank - 1)]);
    }
}
