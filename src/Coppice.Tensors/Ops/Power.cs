using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a^b</c> with numpy's broadcasting; NaN for a fractional power of a negative number.</summary>
public sealed record Power : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<PowerKernel>(a, b, y);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (a, b, g) = (inputs[0], inputs[1], outputGradients[0]!);
        var da = Tape.Needs(a) ? g.Multiply(b).Multiply(a.Power(b.Subtract(Tensor.Full([], 1)))) : null;
        var db = Tape.Needs(b) ? g.Multiply(outputs[0]).Multiply(a.Log()) : null;
        return [da is null ? null : GradientMath.SumTo(da, a), db is null ? null : GradientMath.SumTo(db, b)];
    }
}
