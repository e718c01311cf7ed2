using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a / b</c> with numpy's broadcasting; whole numbers are rounded towards zero.</summary>
/// <remarks>A whole number divided by zero is an <see cref="OpException"/>.</remarks>
public sealed record Divide : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<DivideKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var da = outputGradients[0]!.Divide(inputs[1]);
        return
        [
            GradientMath.SumTo(da, inputs[0]),
            Tape.Needs(inputs[1]) ? GradientMath.SumTo(GradientMath.Scale(da.Multiply(outputs[0]), -1), inputs[1]) : null,
        ];
    }
}
