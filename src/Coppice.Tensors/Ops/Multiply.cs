using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a * b</c> with numpy's broadcasting.</summary>
public sealed record Multiply : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<MultiplyKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradient = outputGradients[0]!;
        return
        [
            Tape.Needs(inputs[0]) ? GradientMath.SumTo(gradient.Multiply(inputs[1]), inputs[0]) : null,
            Tape.Needs(inputs[1]) ? GradientMath.SumTo(gradient.Multiply(inputs[0]), inputs[1]) : null,
        ];
    }
}
