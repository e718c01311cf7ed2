using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>The remainder of <c>a / b</c> with numpy's broadcasting.</summary>
/// <param name="Truncated">Whether it has the sign of a, as C's fmod; otherwise it has that of b, as Python's %.</param>
public sealed record Modulo(bool Truncated) : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y)
    {
        if (Truncated)
            Broadcast.Run<RemainderKernel>(a, b, y);
        else
            Broadcast.Run<FloorModuloKernel>(a, b, y);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        // y = a - b n with n whole
        var (a, b, g) = (inputs[0], inputs[1], outputGradients[0]!);
        var n = a.Subtract(outputs[0]).Divide(b);
        return [GradientMath.SumTo(g, a), GradientMath.SumTo(GradientMath.Scale(g.Multiply(n), -1), b)];
    }
}
