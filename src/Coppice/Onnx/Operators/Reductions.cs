using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>One number of many.</summary>
internal static class Reductions
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["ReduceSum"] = Plain(Reduction.Sum), ["ReduceMean"] = Plain(Reduction.Mean), ["ReduceMax"] = Plain(Reduction.Max),
        ["ReduceMin"] = Plain(Reduction.Min), ["ReduceProd"] = Plain(Reduction.Product),
        ["ReduceLogSumExp"] = call => [InSingle(x => Reduce(call, Reduction.LogSumExp, x), call[0])],
        ["ReduceSumSquare"] = call => [Reduce(call, Reduction.Sum, call[0].Multiply(call[0]))],
        ["ReduceL1"] = call => [Reduce(call, Reduction.Sum, call[0].Maximum(Constant(0, call[0].DType).Subtract(call[0])))],
        ["ReduceL2"] = call => [InSingle(x => Reduce(call, Reduction.Sum, x.Multiply(x)).Sqrt(), call[0])],
        ["ReduceLogSum"] = call => [InSingle(x => Reduce(call, Reduction.Sum, x).Log(), call[0])],
    };

    private static OnnxOperator Plain(Reduction kind) => call => [Reduce(call, kind, call[0])];

    private static Tensor Reduce(OperatorCall call, Reduction kind, Tensor x)
    {
        var axes = call.IntsOrInput("axes", 1);
        if (axes is null or [] && call.Flag("noop_with_empty_axes"))
            return x;
        int[] places = axes is null or [] ? [.. Enumerable.Range(0, x.Shape.Rank)]
            : [.. axes.Select(axis => FromOutermost(axis, x.Shape.Rank))];
        var y = x.Reduce(kind, places);
        return call.Flag("keepdims", true) ? y : places.OrderDescending().Aggregate(y, (z, axis) => z.Squeeze(axis));
    }
}
