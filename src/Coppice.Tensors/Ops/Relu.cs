using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = max(x, 0)</c>; NaN stays NaN.</summary>
public sealed record Relu : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count) => Elementwise.Run<ReluKernel>(x, y, count);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [Differentiate<ReluGradient>(inputs[0], outputGradients[0]!)];
}
