using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Softmax over the last axis, F32 [..., N] -> [..., N].</summary>
/// <remarks>
/// <c>y[i] = e^(x[i] - m) / sum over j of e^(x[j] - m)</c>, m the row's maximum.
/// A row that holds NaN or +inf, or only -inf, becomes NaN, as in torch.
/// </remarks>
public sealed record Softmax : LastAxisOp
{
    private protected override bool KeepsAxis => true;

    private protected override unsafe void Compute(Tensor x, Tensor y, long rows, int size) =>
        SimdKernel.Run(
            RowChunks.Count(rows, size),
            new SoftmaxKernel(x.Pointer<float>(), y.Pointer<float>(), rows, size, logarithm: false));
}
