using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>The error function: <c>2/sqrt(pi)</c> times the integral of <c>e^(-t^2)</c> from 0 to x.</summary>
public sealed record Erf : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count) => Elementwise.Run<ErfKernel>(x, y, count);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [Differentiate<ErfGradient>(inputs[0], outputGradients[0]!)];
}
