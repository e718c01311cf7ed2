using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = 1 / (1 + e^-x)</c>.</summary>
public sealed record Sigmoid : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count) => Elementwise.Run<SigmoidKernel>(x, y, count);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [Differentiate<SigmoidGradient>(outputs[0], outputGradients[0]!)];
}
