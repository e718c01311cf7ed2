using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = min(a, b)</c> with numpy's broadcasting; NaN where either is. The gradient goes to a where both are equal.</summary>
public sealed record Minimum : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<MinimumKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        Extremum.Differentiate(Comparison.LessOrEqual, inputs, outputGradients[0]!);
}

/// <summary><c>y = max(a, b)</c> with numpy's broadcasting; NaN where either is. The gradient goes to a where both are equal.</summary>
public sealed record Maximum : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<MaximumKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        Extremum.Differentiate(Comparison.GreaterOrEqual, inputs, outputGradients[0]!);
}

/// <summary>What the gradients of minimum and maximum share.</summary>
internal static class Extremum
{
    public static Tensor?[] Differentiate(Comparison first, ReadOnlySpan<Tensor> inputs, Tensor gradient)
    {
        var (isFirst, zero) = (inputs[0].Compare(first, inputs[1]), Tensor.Full([], 0));
        return
        [
            GradientMath.SumTo(Tensor.Where(isFirst, gradient, zero), inputs[0]),
            GradientMath.SumTo(Tensor.Where(isFirst, zero, gradient), inputs[1]),
        ];
    }
}
