using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Sum over the last axis, F32 [..., N] -> [...]; 0 where N is 0.</summary>
public sealed record Sum : LastAxisOp
{
    private protected override bool KeepsAxis => false;

    private protected override unsafe void Compute(Tensor x, Tensor y, long rows, int size) =>
        RowReductions.Sum(x.Pointer<float>(), y.Pointer<float>(), rows, size);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [GradientMath.Repeat(outputGradients[0]!, inputs[0].Shape[^1])];
}
