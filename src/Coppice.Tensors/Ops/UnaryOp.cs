using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>A function of each element of one F32 tensor: [...] -> [...].</summary>
public abstract record UnaryOp : Op
{
    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) => inputs.Length == 1 && inputs[0].DType == DType.F32
        ? [inputs[0]]
        : throw Mismatch("one F32 tensor is expected; convert with Cast.", inputs);

    /// <inheritdoc/>
    public sealed override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        Compute(x.Pointer<float>(), outputs[0].Pointer<float>(), x.Count);
        GC.KeepAlive(x);
    }

    private protected abstract unsafe void Compute(float* x, float* y, long count);

    /// <summary>The gradient to the input from that to the output; the value is what the kernel wants, input or output.</summary>
    private protected static unsafe Tensor Differentiate<TKernel>(Tensor value, Tensor gradient) where TKernel : struct, IUnaryGradient
    {
        var (x, g, y) = (RowMajor(value), RowMajor(gradient), Tensor.Empty(value.Shape));
        UnaryGradients.Run<TKernel>(x.Pointer<float>(), g.Pointer<float>(), y.Pointer<float>(), x.Count);
        GC.KeepAlive(x);
        GC.KeepAlive(g);
        return y;
    }
}
