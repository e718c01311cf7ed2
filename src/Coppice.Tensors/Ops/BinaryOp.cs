using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>A function of two F32 tensors, element by element: [...], [...] -> [...].</summary>
/// <remarks>numpy's broadcasting: shapes are aligned at the last axis; a size of 1, or a missing axis, is repeated to fit.</remarks>
public abstract record BinaryOp : Op
{
    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || inputs[0].DType != DType.F32 || inputs[1].DType != DType.F32)
            throw Mismatch("two F32 tensors are expected; convert with Cast.", inputs);
        return Broadcast.TryShape(inputs[0].Shape, inputs[1].Shape, out var shape, out var axis)
            ? [new(DType.F32, shape)]
            : throw Mismatch($"sizes at axis {axis} (from the end) differ and neither is 1, so the shapes do not broadcast.", inputs);
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        Compute(inputs[0], inputs[1], outputs[0]);

    private protected abstract void Compute(Tensor a, Tensor b, Tensor y);
}
