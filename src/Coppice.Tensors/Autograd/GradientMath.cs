using Coppice.Tensors.Kernels;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Autograd;

/// <summary>What gradients of several ops have in common.</summary>
internal static class GradientMath
{
    /// <summary>A gradient summed over the axes along which <paramref name="input"/> was broadcast.</summary>
    public static Tensor SumTo(Tensor gradient, Tensor input)
    {
        var shape = input.Shape;
        if (gradient.Shape == shape)
            return gradient;
        if (gradient.DType.IsHalf())
            return SumTo(gradient.Cast(DType.F32), input).Cast(gradient.DType);
        var source = Op.RowMajor(gradient);
        var missing = source.Shape.Rank - shape.Rank;
        bool IsSummed(int axis) => axis < missing || (shape[axis - missing] == 1 && source.Shape[axis] != 1);
        for (var axis = 0; axis < source.Shape.Rank; axis++)
        {
            var end = axis;
            while (end < source.Shape.Rank && IsSummed(end))
                end++;
            if (end == axis)
                continue;
            var sums = Tensor.Empty(
                Shape.Create([.. source.Shape.Dims[..axis], .. Enumerable.Repeat(1, end - axis), .. source.Shape.Dims[end..]]));
            AxisSum.Run(source, sums, axis, end);
            source = sums;
        }
        return source.Reshape([.. shape.Dims]);
    }

    /// <summary>
    /// Where an op writes its gradient to an input, and whether it must add to what is there: other ops' gradients to the same input, so
    /// that no separate pass sums them. Row-major.
    /// </summary>
    public static (Tensor Target, bool Adds) TargetOf(Tensor input) =>
        Tape.OpenSum(input) is { } sum ? (sum, true) : (Tensor.Empty(input.Shape), false);

    /// <summary>A view [..., size] of [...] that shows each element <paramref name="size"/> times.</summary>
    public static Tensor Repeat(Tensor gradient, int size) => new(gradient.Storage, gradient.Offset,
        Shape.Create([.. gradient.Shape.Dims, size]), [.. gradient.Strides, 0], gradient.DType);

    /// <summary>A view with a new axis of size 1.</summary>
    public static Tensor Unsqueeze(Tensor gradient, int axis) => new(gradient.Storage, gradient.Offset,
        Shape.Create([.. gradient.Shape.Dims[..axis], 1, .. gradient.Shape.Dims[axis..]]),
        [.. gradient.Strides[..axis], 0, .. gradient.Strides[axis..]], gradient.DType);

    /// <summary><c>factor * gradient</c>.</summary>
    public static Tensor Scale(Tensor gradient, float factor) => gradient.Multiply(Tensor.Full([], factor));
}
