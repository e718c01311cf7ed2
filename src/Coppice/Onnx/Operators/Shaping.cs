using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.Operators.OperatorCall;

namespace Coppice.Onnx.Operators;

/// <summary>Other shapes of the same elements, and parts and repetitions of them.</summary>
internal static class Shaping
{
    public static Dictionary<string, OnnxOperator> Operators { get; } = new()
    {
        ["Shape"] = call => [Sizes(call)],
        ["Size"] = call => [call.SizesOf(call[0]).Reduce(Reduction.Product, 0).Squeeze(0)],
        ["Reshape"] = call => [Reshape(call)],
        ["Flatten"] = call => [Flatten(call)],
        ["Transpose"] = call => [call[0].Permute(call.Ints("perm") ?? [.. Enumerable.Range(0, call[0].Shape.Rank).Reverse()])],
        ["Squeeze"] = call => [Squeeze(call)],
        ["Unsqueeze"] = call => [Unsqueeze(call)],
        ["Concat"] = call => [Tensor.Concat(call.Axis(call[0].Shape.Rank, 1), [.. call.All])],
        ["Split"] = Split,
        ["Slice"] = call => [Slice(call)],
        ["Expand"] = call => [Broadcast(call, Shape.Create(call.Required("shape", 1)))],
        ["Tile"] = call => [Tile(call, call.Required("repeats", 1))],
        ["Pad"] = call => [Padding.Apply(call)],
        ["DepthToSpace"] = call => [DepthToSpace(call)],
        ["SpaceToDepth"] = call => [SpaceToDepth(call)],
        ["ConstantOfShape"] = call => [ConstantOfShape(call)],
        ["Constant"] = call => [ConstantOf(call)],
        ["Range"] = call => [Range(call)],
        ["EyeLike"] = call => [EyeLike(call)],
        ["Dropout"] = Dropout,
    };

    /// <summary>Broadcasting in which the tensor, too, may be the larger one.</summary>
    private static Tensor Broadcast(OperatorCall call, Shape shape)
    {
        var x = call[0];
        var rank = Math.Max(x.Shape.Rank, shape.Rank);
        var sizes = new int[rank];
        for (var axis = 1; axis <= rank; axis++)
        {
            var (own, other) = (axis <= x.Shape.Rank ? x.Shape[^axis] : 1, axis <= shape.Rank ? shape[^axis] : 1);
            sizes[^axis] = own == 1 ? other : own;
        }
        return x.Expand(call.Made(Shape.Create(sizes)));
    }

    private static Tensor Sizes(OperatorCall call)
    {
        var rank = call[0].Shape.Rank;
        int Bound(long value) => ToInt(Math.Clamp(value < 0 ? value + rank : value, 0, rank));
        var (start, end) = (Bound(call.Int("start", 0)), Bound(call.Int("end", rank)));
        var sizes = call.SizesOf(call[0]);
        return start == 0 && end == rank ? sizes : sizes.Narrow(0, start, Math.Max(0, end - start));
    }

    private static Tensor Reshape(OperatorCall call)
    {
        var sizes = call.Required("shape", 1);
        if (!call.Flag("allowzero"))
            for (var axis = 0; axis < sizes.Length; axis++)
                if (sizes[axis] == 0)
                    sizes[axis] = call[0].Shape[axis];
        return call[0].Reshape(sizes);
    }

    private static Tensor Flatten(OperatorCall call)
    {
        var (x, axis) = (call[0], call.Int("axis", 1));
        var at = axis == call[0].Shape.Rank ? x.Shape.Rank : FromOutermost(axis, x.Shape.Rank);
        var (outer, inner) = (1, 1);
        for (var i = 0; i < x.Shape.Rank; i++)
            (outer, inner) = i < at ? (outer * x.Shape[i], inner) : (outer, inner * x.Shape[i]);
        return x.Reshape(outer, inner);
    }

    private static Tensor Squeeze(OperatorCall call)
    {
        var x = call[0];
        IEnumerable<int> axes = call.IntsOrInput("axes", 1) is { } given
            ? given.Select(axis => FromOutermost(axis, x.Shape.Rank))
            : Enumerable.Range(0, x.Shape.Rank).Where(axis => x.Shape[axis] == 1);
        return axes.OrderDescending().Aggregate(x, (y, axis) => y.Squeeze(axis));
    }

    private static Tensor Unsqueeze(OperatorCall call)
    {
        var axes = call.Required("axes", 1);
        var rank = call[0].Shape.Rank + axes.Length;
        return axes.Select(axis => FromOutermost(axis, rank)).Order().Aggregate(call[0], (y, axis) => y.Unsqueeze(axis));
    }

    private static Tensor?[] Split(OperatorCall call)
    {
        var x = call[0];
        var axis = call.Axis(x.Shape.Rank, 0);
        var parts = call.Node.Outputs.Count;
        var each = (x.Shape[axis] + parts - 1) / parts;
        var sizes = call.IntsOrInput("split", 1)
            ?? [.. Enumerable.Range(0, parts).Select(i => Math.Clamp(x.Shape[axis] - i * each, 0, each))];
        var outputs = new Tensor?[sizes.Length];
        for (int i = 0, start = 0; i < sizes.Length; start += sizes[i++])
            outputs[i] = x.Narrow(axis, start, sizes[i]);
        return outputs;
    }

    private static Tensor Slice(OperatorCall call)
    {
        var x = call[0];
        var (starts, ends) = (call.Required("starts", 1), call.Required("ends", 2));
        var axes = call.IntsOrInput("axes", 3) ?? [.. Enumerable.Range(0, starts.Length)];
        var steps = call.IntsOrInput("steps", 4) ?? [.. Enumerable.Repeat(1, starts.Length)];
        for (var i = 0; i < starts.Length; i++)
            x = Slice(x, FromOutermost(axes[i], x.Shape.Rank), starts[i], ends[i], steps[i]);
        return x;
    }

    private static Tensor Slice(Tensor x, int axis, long start, long end, long step)
    {
        if (step == 0)
            throw new NotSupportedException("a step of 0 goes nowhere");
        var size = x.Shape[axis];
        long Bound(long value) => Math.Clamp(value < 0 ? value + size : value, step < 0 ? -1 : 0, step < 0 ? size - 1 : size);
        (start, end) = (Bound(start), Bound(end));
        var count = (int)Math.Max(0, (end - start + step - Math.Sign(step)) / step);
        return step == 1 || count == 0
            ? x.Narrow(axis, (int)Math.Clamp(start, 0, size - count), count)
            : Apply(new Slice(axis, (int)start, count, (int)step), x);
    }

    private static Tensor Tile(OperatorCall call, int[] repeats)
    {
        var x = call[0];
        for (var axis = 0; axis < repeats.Length; axis++)
        {
            if (repeats[axis] == 1)
                continue;
            var shape = call.Made(x.Shape.With(axis, checked(x.Shape[axis] * repeats[axis])));
            var repeated = x.Unsqueeze(axis);
            x = repeated.Expand(repeated.Shape.With(axis, repeats[axis])).Reshape([.. shape.Dims]);
        }
        return x;
    }

    private static Tensor DepthToSpace(OperatorCall call)
    {
        var (x, block) = (call[0], ToInt(call.Int("blocksize", 1)));
        var (b, c, h, w) = (x.Shape[0], x.Shape[1] / (block * block), x.Shape[2], x.Shape[3]);
        var split = call.Text("mode", "DCR") == "DCR"
            ? x.Reshape(b, block, block, c, h, w).Permute(0, 3, 4, 1, 5, 2)
            : x.Reshape(b, c, block, block, h, w).Permute(0, 1, 4, 2, 5, 3);
        return split.Reshape(b, c, h * block, w * block);
    }

    private static Tensor SpaceToDepth(OperatorCall call)
    {
        var (x, block) = (call[0], ToInt(call.Int("blocksize", 1)));
        var (b, c, h, w) = (x.Shape[0], x.Shape[1], x.Shape[2] / block, x.Shape[3] / block);
        return x.Reshape(b, c, h, block, w, block).Permute(0, 3, 5, 1, 2, 4).Reshape(b, c * block * block, h, w);
    }

    private static Tensor ConstantOfShape(OperatorCall call)
    {
        var value = call.TensorOf("value")?.Reshape([]) ?? Constant(0);
        return value.Expand(call.Made([.. call.Values(0).Select(ToInt)])).Contiguous();
    }

    private static Tensor ConstantOf(OperatorCall call)
    {
        var attribute = call.Node.Attributes.SingleOrDefault() ?? throw new NotSupportedException("its value is missing");
        return attribute.Name switch
        {
            "value" => call.TensorOf("value")!,
            "value_float" => Constant(attribute.Float ?? 0),
            "value_int" => Tensor.From<long>([attribute.Int ?? 0], []),
            "value_floats" => Tensor.From<float>([.. attribute.Floats], [attribute.Floats.Count]),
            "value_ints" => Numbers(attribute.Ints),
            _ => throw new NotSupportedException($"{attribute.Name} is not supported"),
        };
    }

    private static Tensor Range(OperatorCall call)
    {
        var (start, limit, delta) = (call[0], call[1], call[2]);
        var exact = Math.Ceiling((Item(limit) - Item(start)) / Item(delta));
        if (!(exact <= OnnxLimits.MadeElements))
            throw new NotSupportedException($"{exact} steps are too many");
        var count = (int)Math.Max(0, exact);
        var steps = Numbers(count, i => i).Cast(start.DType);
        return steps.Multiply(delta.Reshape([])).Add(start.Reshape([]));

        static double Item(Tensor x) => x.Cast(DType.F64).Item<double>();
    }

    private static Tensor EyeLike(OperatorCall call)
    {
        var (x, diagonal) = (call[0], call.Int("k", 0));
        var dtype = call.Has("dtype") ? call.TypeOf("dtype") : x.DType;
        var ones = Constant(1).Expand(x.Shape);
        return Apply(new Triangle(true, diagonal), Apply(new Triangle(false, diagonal), ones)).Cast(dtype);
    }

    /// <summary>In use a dropout does nothing, and its mask keeps all; in training it keeps where draws reach the ratio, times 1 / (1 - ratio).
    /// </summary>
    private static Tensor?[] Dropout(OperatorCall call)
    {
        if (call.Optional(2) is { } training && training.ToArray<bool>()[0])
        {
            var ratio = call.Optional(1) is null ? 0.5f : call.Scalar(1);
            if (!(ratio is >= 0 and < 1))
                throw new NotSupportedException($"the ratio is {ratio}, and one within 0..1 is expected");
            var mask = RandomNumbers.Uniform(call, call[0].Shape).Compare(Comparison.GreaterOrEqual, Constant(ratio, DType.F64));
            var factors = mask.Cast(DType.F32).Multiply(Constant(1 / (1 - ratio)));
            return [InSingle(x => x.Multiply(factors), call[0]), mask];
        }
        return [call[0], Constant(1).Cast(call.Version < 10 ? call[0].DType : DType.Bool).Expand(call[0].Shape)];
    }
}
