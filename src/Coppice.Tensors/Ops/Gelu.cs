using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Forms of the Gaussian error linear unit, <c>x * P(Z &lt;= x)</c> for a standard normal Z.</summary>
public enum GeluKind
{
    /// <summary><c>x/2 (1 + erf(x / sqrt 2))</c>: exact; "gelu" of Hugging Face, "none" of torch.</summary>
    Erf,
    /// <summary><c>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))</c>: Hugging Face's "gelu_new", "gelu_pytorch_tanh" and others.</summary>
    Tanh,
    /// <summary><c>x * sigmoid(1.702 x)</c>: "quick_gelu" of Hugging Face.</summary>
    Quick,
}

/// <summary>The Gaussian error linear unit (Hendrycks and Gimpel 2016).</summary>
public sealed record Gelu(GeluKind Kind) : UnaryOp
{
    private protected override unsafe void Compute(float* x, float* y, long count)
    {
        switch (Kind)
        {
            case GeluKind.Erf: Elementwise.Run<GeluErfKernel>(x, y, count); break;
            case GeluKind.Tanh: Elementwise.Run<GeluTanhKernel>(x, y, count); break;
            case GeluKind.Quick: Elementwise.Run<GeluQuickKernel>(x, y, count); break;
            default: throw new OpException($"Gelu: there is no kind {Kind}.");
        }
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [
            Kind switch
            {
                GeluKind.Erf => Differentiate<GeluErfGradient>(inputs[0], outputGradients[0]!),
                GeluKind.Tanh => Differentiate<GeluTanhGradient>(inputs[0], outputGradients[0]!),
                _ => Differentiate<GeluQuickGradient>(inputs[0], outputGradients[0]!),
            },
        ];
}
