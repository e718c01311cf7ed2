using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Elements by their numbers, and the numbers of elements.</summary>
internal static class Indexing
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Gather"] = call => [call[0].Gather(call[1].Cast(DType.I64), call.Axis(call[0].Shape.Rank, 0))],
        ["GatherElements"] = call => [Apply(new GatherElements(call.Axis(call[0].Shape.Rank, 0)), call[0], call[1].Cast(DType.I64))],
        ["GatherND"] = call => [Apply(new GatherND(ToInt(call.Int("batch_dims", 0))), call[0], call[1].Cast(DType.I64))],
        ["ScatterElements"] = Scatter, ["Scatter"] = Scatter,
        ["ScatterND"] = call => [Apply(new ScatterND(KindOf(call)), call[0], call[1].Cast(DType.I64), call[2])],
        ["ArgMax"] = call => [ArgMax(call, x => x)],
        ["ArgMin"] = call => [ArgMax(call, x => Apply(new Negate(), x))],
        ["TopK"] = TopK,
        ["NonZero"] = call => [Apply(new NonZero(), call[0])],
        ["OneHot"] = call => [OneHot(call)],
        ["CumSum"] = call => [Apply(new CumulativeSum(FromOutermost(call.Value(1), call[0].Shape.Rank), call.Flag("exclusive"),
            call.Flag("reverse")), call[0])],
        ["Trilu"] = call => [Apply(new Triangle(call.Flag("upper", true), call.Optional(1) is null ? 0 : call.Value(1)), call[0])],
        ["NonMaxSuppression"] = call => [NonMaxSuppression(call)],
        ["Compress"] = call => [Compress(call)],
        ["ReverseSequence"] = call => [ReverseSequence(call)],
    };

    private static Tensor?[] Scatter(OperatorCall call) =>
        [Apply(new ScatterElements(call.Axis(call[0].Shape.Rank, 0), KindOf(call)), call[0], call[1].Cast(DType.I64), call[2])];

    private static ScatterKind KindOf(OperatorCall call) => call.Text("reduction", "none") switch
    {
        "none" => ScatterKind.Assign,
        "add" => ScatterKind.Add,
        "mul" => ScatterKind.Multiply,
        "max" => ScatterKind.Maximum,
        "min" => ScatterKind.Minimum,
        var other => throw new NotSupportedException($"reduction {other} is not supported"),
    };

    private static Tensor ArgMax(OperatorCall call, Func<Tensor, Tensor> ranked)
    {
        var x = ranked(call[0].Cast(DType.F32));
        var axis = call.Axis(x.Shape.Rank, 0);
        var size = x.Shape[axis];
        if (call.Flag("select_last_index"))
            x = Apply(new Slice(axis, size - 1, size, -1), x);
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank).Where(other => other != axis), axis];
        var places = x.Permute(order).ArgMax();
        if (call.Flag("select_last_index"))
            places = Tensor.From<long>([size - 1], []).Subtract(places);
        return call.Flag("keepdims", true) ? places.Unsqueeze(axis) : places;
    }

    private static Tensor?[] TopK(OperatorCall call)
    {
        var x = call[0];
        var axis = call.Axis(x.Shape.Rank, -1);
        var op = new TopK(call.Version < 10 ? ToInt(call.Int("k", 0)) : ToInt(call.Value(1)), call.Flag("largest", true));
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank).Where(other => other != axis), axis];
        var back = new int[order.Length];
        for (var i = 0; i < back.Length; i++)
            back[order[i]] = i;
        return [.. Op.Apply(op, x.Permute(order)).Select(output => output.Permute(back))];
    }

    private static Tensor OneHot(OperatorCall call)
    {
        var depth = ToInt(call.Value(1));
        var indices = call[0].Cast(DType.I64);
        var axis = FromOutermost(call.Int("axis", -1), indices.Shape.Rank + 1);
        call.Made([.. indices.Shape.Dims[..axis], depth, .. indices.Shape.Dims[axis..]]);
        var shape = new int[indices.Shape.Rank + 1];
        Array.Fill(shape, 1);
        shape[axis] = depth;
        var classes = Numbers(depth, i => i).Reshape(shape);
        var wrapped = Apply(new Modulo(false), indices, Tensor.From<long>([depth], [])).Unsqueeze(axis);
        return Tensor.Where(classes.Compare(Comparison.Equal, wrapped), call[2].Narrow(0, 1, 1).Squeeze(0), call[2].Narrow(0, 0, 1).Squeeze(0));
    }

    private static Tensor NonMaxSuppression(OperatorCall call)
    {
        float Scalar(int input, float absent) => call.Optional(input) is { Count: > 0 } ? call.Scalar(input) : absent;
        var most = call.Optional(2) is { Count: > 0 } ? call.Value(2) : 0;
        var op = new NonMaxSuppression(most, Scalar(3, 0), Scalar(4, float.NegativeInfinity), call.Flag("center_point_box"));
        return Apply(op, call[0], call[1]);
    }

    private static Tensor Compress(OperatorCall call)
    {
        var x = call.Has("axis") ? call[0] : call[0].Reshape(-1);
        var axis = call.Axis(x.Shape.Rank, 0);
        return x.Gather(Apply(new NonZero(), call[1]).Squeeze(0), axis);
    }

    private static Tensor ReverseSequence(OperatorCall call)
    {
        var (x, lengths) = (call[0], call.Values(1));
        var (batch, time) = (FromOutermost(call.Int("batch_axis", 1), x.Shape.Rank), FromOutermost(call.Int("time_axis", 0), x.Shape.Rank));
        var shape = x.Shape;
        var indices = Tensor.Empty([shape[batch], shape[time]], DType.I64);
        var places = indices.AsSpan<long>();
        for (var i = 0; i < places.Length; i++)
            places[i] = i % shape[time] is var t && t < lengths[i / shape[time]] ? lengths[i / shape[time]] - 1 - t : t;
        var sizes = Enumerable.Repeat(1, shape.Rank).ToArray();
        (sizes[batch], sizes[time]) = (shape[batch], shape[time]);
        var along = batch < time ? indices.Reshape(sizes) : indices.Transpose(0, 1).Reshape(sizes);
        return Apply(new GatherElements(time), x, along.Expand(shape));
    }
}
