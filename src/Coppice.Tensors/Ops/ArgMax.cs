using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Index of the largest element of the last axis, F32 [..., N] -> I64 [...].</summary>
/// <remarks>The first of equals; the first NaN where there is one. N must not be 0.</remarks>
public sealed record ArgMax : LastAxisOp
{
    /// <inheritdoc/>
    public override string? NoGradient => "an index only jumps, it never changes smoothly";

    private protected override DType Output => DType.I64;

    private protected override bool KeepsAxis => false;

    private protected override bool AllowsEmpty => false;

    private protected override unsafe void Compute(Tensor x, Tensor y, long rows, int size) =>
        RowReductions.ArgMax(x.Pointer<float>(), y.Pointer<long>(), rows, size);
}
