using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a - b</c> with numpy's broadcasting.</summary>
public sealed record Subtract : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<SubtractKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradient = outputGradients[0]!;
        return
        [
            GradientMath.SumTo(gradient, inputs[0]),
            Tape.Needs(inputs[1]) ? GradientMath.Scale(GradientMath.SumTo(gradient, inputs[1]), -1) : null,
        ];
    }
}
