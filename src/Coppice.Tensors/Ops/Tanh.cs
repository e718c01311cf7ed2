using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = tanh x</c>.</summary>
public sealed record Tanh : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count) => Elementwise.Run<TanhKernel>(x, y, count);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [Differentiate<TanhGradient>(outputs[0], outputGradients[0]!)];
}
