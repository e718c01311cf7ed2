using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a * b</c> with numpy's broadcasting.</summary>
public sealed record Multiply : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<MultiplyKernel>(a, b, y);
}
