using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Elements of one tensor or the other: Bool condition, a and b of one type -> <c>y = condition ? a : b</c>.</summary>
/// <remarks>All three broadcast as in numpy.</remarks>
public sealed record Where : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 3 || inputs[0].DType != DType.Bool || inputs[1].DType != inputs[2].DType || inputs[1].DType.BitSize() % 8 != 0)
            throw Mismatch("a Bool condition and two tensors of one type are expected.", inputs);
        return Broadcast.TryShape(inputs[1].Shape, inputs[2].Shape, out var values, out _)
            && Broadcast.TryShape(inputs[0].Shape, values, out var shape, out _)
            ? [new(inputs[1].DType, shape)]
            : throw Mismatch("the three shapes do not broadcast; sizes must be equal or 1.", inputs);
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        switch (outputs[0].DType.ByteSize())
        {
            case 1: Select<byte>(inputs, outputs[0]); break;
            case 2: Select<short>(inputs, outputs[0]); break;
            case 4: Select<int>(inputs, outputs[0]); break;
            default: Select<long>(inputs, outputs[0]); break;
        }
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (condition, gradient, zero) = (inputs[0], outputGradients[0]!, Tensor.Full([], 0));
        return
        [
            null,
            GradientMath.SumTo(Tensor.Where(condition, gradient, zero), inputs[1]),
            GradientMath.SumTo(Tensor.Where(condition, zero, gradient), inputs[2]),
        ];
    }

    private static unsafe void Select<T>(ReadOnlySpan<Tensor> inputs, Tensor y) where T : unmanaged
    {
        if (y.Count == 0)
            return;
        Shape shape = y.Shape.Rank == 0 ? [1] : y.Shape;
        int[] which = TypedBroadcast.Strides(inputs[0], shape), left = TypedBroadcast.Strides(inputs[1], shape),
            right = TypedBroadcast.Strides(inputs[2], shape);
        var condition = inputs[0].StridedPointer<byte>();
        T* a = inputs[1].StridedPointer<T>(), b = inputs[2].StridedPointer<T>(), target = y.Pointer<T>();
        var (size, rows) = (shape[^1], y.Count / shape[^1]);
        Workers.For(RowChunks.Count(rows, size), chunk =>
        {
            var (first, end) = RowChunks.Range(rows, size, chunk);
            for (var row = first; row < end; row++)
            {
                var c = condition + TypedBroadcast.RowOffset(row, shape.Dims, which);
                T* x = a + TypedBroadcast.RowOffset(row, shape.Dims, left), z = b + TypedBroadcast.RowOffset(row, shape.Dims, right);
                for (var i = 0L; i < size; i++)
                    target[row * size + i] = c[i * which[^1]] != 0 ? x[i * left[^1]] : z[i * right[^1]];
            }
        });
    }
}
