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

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (y, g, x) = (outputs[0], RowMajor(outputGradients[0]!), Tensor.Empty(outputs[0].Shape));
        var rows = y.Count / Math.Max(1, y.Shape[^1]);
        SimdKernel.Run(RowChunks.Count(rows, y.Shape[^1]), new SoftmaxGradientKernel(
            y.Pointer<float>(), g.Pointer<float>(), x.Pointer<float>(), rows, y.Shape[^1], logarithm: false));
        GC.KeepAlive(g);
        return [x];
    }
}
