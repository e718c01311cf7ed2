using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>Functions of single elements, and along axes, that are more than one operator of ONNX.</summary>
internal static class ElementRules
{
    public static void Modulo(NodeWriter c)
    {
        if (c.Op<Modulo>().Truncated)
            c.Result("Mod", c.Inputs, From("fmod", 1));
        else if (c.TypeOf(0).IsFloatingPoint())
            c.Result("Sub", [c[0], c.Add("Mul", [c.Add("Floor", [c.Add("Div", c.Inputs)]), c[1]])]);
        else
            c.Result("Mod", c.Inputs);
    }

    public static void Silu(NodeWriter c) => c.Result("Mul", [c[0], c.Add("Sigmoid", [c[0]])]);

    public static void Gelu(NodeWriter c)
    {
        var kind = c.Op<Gelu>().Kind;
        if (kind == GeluKind.Quick)
            c.Result("Mul", [c[0], c.Add("Sigmoid", [c.Add("Mul", [c[0], c.Scalar(1.702f)])])]);
        else if (c.Opset >= 20)
            c.Result("Gelu", [c[0]], From("approximate", kind == GeluKind.Tanh ? "tanh" : "none"));
        else
        {
            var curve = kind == GeluKind.Tanh
                ? c.Add("Tanh", [c.Add("Mul", [Cubic(c), c.Scalar(MathF.Sqrt(2 / MathF.PI))])])
                : c.Add("Erf", [c.Add("Div", [c[0], c.Scalar(MathF.Sqrt(2))])]);
            c.Result("Mul", [c.Add("Mul", [c[0], c.Add("Add", [curve, c.Scalar(1)])]), c.Scalar(0.5f)]);
        }
    }

    public static void Mish(NodeWriter c) => c.Result("Mul", [c[0], c.Add("Tanh", [c.Add("Softplus", [c[0]])])]);

    public static void Clip(NodeWriter c) => c.Result("Clip", [c[0], c.Scalar(c.Op<Clip>().Minimum), c.Scalar(c.Op<Clip>().Maximum)]);

    public static void Compare(NodeWriter c)
    {
        if (c.Op<Compare>().Kind == Comparison.NotEqual)
            c.Result("Not", [c.Add("Equal", c.Inputs)]);
        else
            c.Result(c.Op<Compare>().Kind switch
            {
                Comparison.Equal => "Equal",
                Comparison.Less => "Less",
                Comparison.LessOrEqual => "LessOrEqual",
                Comparison.Greater => "Greater",
                _ => "GreaterOrEqual",
            }, c.Inputs);
    }

    public static void CumulativeSum(NodeWriter c)
    {
        var op = c.Op<CumulativeSum>();
        c.Result("CumSum", [c[0], c.Scalar(op.Axis, DType.I64)], From("exclusive", op.Exclusive ? 1 : 0), From("reverse", op.Reverse ? 1 : 0));
    }

    /// <summary>Zeros around the axis, and as many views of that as there are neighbours.</summary>
    public static void SlidingSum(NodeWriter c)
    {
        var op = c.Op<SlidingSum>();
        var (pads, neighbours) = (new long[2 * c.Rank()], op.Before + op.After);
        (pads[op.Axis], pads[op.Axis + c.Rank()]) = (op.Before, op.After);
        var padded = c.Add("Pad", [c[0], c.Numbers(pads), c.Scalar(0)]);
        c.Result("Sum", [.. Enumerable.Range(0, neighbours + 1).Select(shift => c.Add("Slice",
            [padded, c.Numbers(shift), c.Numbers(shift < neighbours ? shift - neighbours : int.MaxValue), c.Numbers(op.Axis)]))]);
    }

    /// <summary>The operator of a reduction.</summary>
    public static string NameOf(Reduction kind) => kind switch
    {
        Reduction.Sum => "ReduceSum",
        Reduction.Mean => "ReduceMean",
        Reduction.Max => "ReduceMax",
        Reduction.Min => "ReduceMin",
        Reduction.Product => "ReduceProd",
        _ => "ReduceLogSumExp",
    };

    /// <summary>x + 0.044715 x^3.</summary>
    private static string Cubic(NodeWriter c)
    {
        var cube = c.Add("Mul", [c.Add("Mul", [c[0], c[0]]), c[0]]);
        return c.Add("Add", [c[0], c.Add("Mul", [cube, c.Scalar(0.044715f)])]);
    }
}
