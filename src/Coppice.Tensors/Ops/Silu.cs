using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = x * sigmoid(x)</c>, also called swish (Elfwing et al. 2017).</summary>
public sealed record Silu : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count) => Elementwise.Run<SiluKernel>(x, y, count);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [Differentiate<SiluGradient>(inputs[0], outputGradients[0]!)];
}
