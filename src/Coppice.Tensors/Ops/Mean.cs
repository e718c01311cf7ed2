using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Mean over the last axis, F32 [..., N] -> [...]; NaN where N is 0.</summary>
public sealed record Mean : LastAxisOp
{
    private protected override bool KeepsAxis => false;

    private protected override unsafe void Compute(Tensor x, Tensor y, long rows, int size) =>
        RowReductions.Mean(x.Pointer<float>(), y.Pointer<float>(), rows, size);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [GradientMath.Repeat(GradientMath.Scale(outputGradients[0]!, 1f / inputs[0].Shape[^1]), inputs[0].Shape[^1])];
}
