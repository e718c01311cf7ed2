using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a + b</c> with numpy's broadcasting.</summary>
public sealed record Add : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<AddKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [GradientMath.SumTo(outputGradients[0]!, inputs[0]), GradientMath.SumTo(outputGradients[0]!, inputs[1])];
}
