using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = a - b</c> with numpy's broadcasting.</summary>
public sealed record Subtract : BinaryOp
{
    private protected override void Compute(Tensor a, Tensor b, Tensor y) => Broadcast.Run<SubtractKernel>(a, b, y);
}
