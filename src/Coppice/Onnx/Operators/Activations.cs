using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Functions of each element, and those along one axis.</summary>
internal static class Activations
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Relu"] = Each(_ => new Relu()), ["Tanh"] = Each(_ => new Tanh()), ["Sigmoid"] = Each(_ => new Sigmoid()),
        ["Exp"] = Each(_ => new Exp()), ["Log"] = Each(_ => new Log()), ["Sqrt"] = Each(_ => new Sqrt()), ["Erf"] = Each(_ => new Erf()),
        ["Reciprocal"] = Each(_ => new Reciprocal()), ["Softplus"] = Each(_ => new Softplus()), ["Softsign"] = Each(_ => new Softsign()),
        ["Floor"] = Each(_ => new Floor()), ["Ceil"] = Each(_ => new Ceiling()), ["Round"] = Each(_ => new Round()),
        ["Sin"] = Each(_ => new Sin()), ["Cos"] = Each(_ => new Cos()), ["Tan"] = Each(_ => new Tan()),
        ["Asin"] = Each(_ => new Asin()), ["Acos"] = Each(_ => new Acos()), ["Atan"] = Each(_ => new Atan()),
        ["Sinh"] = Each(_ => new Sinh()), ["Cosh"] = Each(_ => new Cosh()),
        ["Asinh"] = Each(_ => new Asinh()), ["Acosh"] = Each(_ => new Acosh()), ["Atanh"] = Each(_ => new Atanh()),
        ["LeakyRelu"] = Each(call => new LeakyRelu(call.Float("alpha", 0.01f))),
        ["Elu"] = Each(call => new Elu(call.Float("alpha", 1))),
        ["Celu"] = Each(call => new Celu(call.Float("alpha", 1))),
        ["Selu"] = Each(call => new Selu(call.Float("alpha", 1.67326319f), call.Float("gamma", 1.05070102f))),
        ["ThresholdedRelu"] = Each(call => new ThresholdedRelu(call.Float("alpha", 1))),
        ["Shrink"] = call => [InSingle(x => Apply(new Shrink(call.Float("lambd", 0.5f), call.Float("bias", 0)), x.Cast(DType.F32)), call[0])
            .Cast(call[0].DType)],
        ["HardSigmoid"] = Each(call => new HardSigmoid(call.Float("alpha", 0.2f), call.Float("beta", 0.5f))),
        ["HardSwish"] = Each(_ => new HardSwish()), ["Mish"] = Each(_ => new Mish()),
        ["Gelu"] = Each(call => new Gelu(call.Text("approximate", "none") == "tanh" ? GeluKind.Tanh : GeluKind.Erf)),
        ["PRelu"] = call => call.InSingle(PRelu),
        ["Softmax"] = call => [AlongAxis(call, x => x.Softmax())],
        ["LogSoftmax"] = call => [AlongAxis(call, x => x.LogSoftmax())],
        ["Hardmax"] = call => [AlongAxis(call, Hardmax)],
    };

    /// <summary>Brings an axis last, applies a function of rows, and puts the axis back.</summary>
    public static Tensor OnLastAxis(Tensor x, int axis, Func<Tensor, Tensor> rows)
    {
        if (axis == x.Shape.Rank - 1)
            return rows(x);
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank).Where(other => other != axis), axis];
        var back = new int[order.Length];
        for (var i = 0; i < back.Length; i++)
            back[order[i]] = i;
        return rows(x.Permute(order)).Permute(back);
    }

    private static OnnxOperator Each(Func<OperatorCall, Op> op) => call => [InSingle(x => Apply(op(call), x), call[0])];

    /// <summary>Before version 13 all axes from the one named on were taken as one.</summary>
    private static Tensor AlongAxis(OperatorCall call, Func<Tensor, Tensor> rows)
    {
        var x = call[0];
        if (call.Version >= 13)
            return InSingle(y => OnLastAxis(y, call.Axis(y.Shape.Rank, -1), rows), x);
        var axis = call.Axis(x.Shape.Rank, 1);
        var size = 1;
        foreach (var dim in x.Shape.Dims[axis..])
            size *= dim;
        return InSingle(y => rows(y.Reshape(-1, size)).Reshape([.. y.Shape.Dims]), x);
    }

    private static Tensor Hardmax(Tensor x)
    {
        var places = x.ArgMax().Unsqueeze(-1);
        return places.Compare(Comparison.Equal, Numbers(x.Shape[^1], i => i)).Cast(DType.F32);
    }

    private static Tensor?[] PRelu(OperatorCall call)
    {
        var (x, slope) = (call[0], call[1]);
        if (call.Version < 7 && slope.Shape.Rank == 1 && slope.Count > 1) // one for each channel
            slope = slope.Reshape([slope.Shape[0], .. Enumerable.Repeat(1, x.Shape.Rank - 2)]);
        return [x.Maximum(Constant(0)).Add(x.Minimum(Constant(0)).Multiply(slope))];
    }
}
