using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Each row divided by its length, F32 [..., N] -> [..., N]: <c>y = x / max(|x|, 1e-12)</c>, as torch's normalize.</summary>
public sealed record L2Normalize : LastAxisOp
{
    private protected override bool KeepsAxis => true;

    private protected override unsafe void Compute(Tensor x, Tensor y, long rows, int size) =>
        L2NormalizeKernel.Run(x.Pointer<float>(), y.Pointer<float>(), rows, size);

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, y, g, dx) = (RowMajor(inputs[0]), outputs[0], RowMajor(outputGradients[0]!), Tensor.Empty(outputs[0].Shape));
        var rows = y.Count / Math.Max(1, y.Shape[^1]);
        L2NormalizeKernel.Differentiate(
            x.Pointer<float>(), y.Pointer<float>(), g.Pointer<float>(), dx.Pointer<float>(), rows, y.Shape[^1]);
        GC.KeepAlive(x);
        GC.KeepAlive(g);
        return [dx];
    }
}
