using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>A function of two tensors of one number type (F32 is the fast one), element by element: [...], [...] -> [...].</summary>
/// <remarks>numpy's broadcasting: shapes are aligned at the last axis; a size of 1, or a missing axis, is repeated to fit.</remarks>
public abstract record BinaryOp : Op
{
    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || !NumberTypes.Has(inputs[0].DType) || inputs[1].DType != inputs[0].DType)
            throw Mismatch("two tensors of one number type are expected; convert with Cast.", inputs);
        return Broadcast.TryShape(inputs[0].Shape, inputs[1].Shape, out var shape, out var axis)
            ? [new(inputs[0].DType, shape)]
            : throw Mismatch($"sizes at axis {axis} (from the end) differ and neither is 1, so the shapes do not broadcast.", inputs);
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        Compute(inputs[0], inputs[1], outputs[0]);

    private protected abstract void Compute(Tensor a, Tensor b, Tensor y);
}
