using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>A function of each element of one F32 tensor that says its values and its slopes run by run: [...] -> [...].</summary>
public abstract record FunctionOp : UnaryOp
{
    /// <inheritdoc/>
    public sealed override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        Tensor x = RowMajor(inputs[0]), y = outputs[0], slopes = Tensor.Empty(y.Shape);
        float* from = x.Pointer<float>(), to = y.Pointer<float>(), target = slopes.Pointer<float>();
        ForChunks(x.Count, (at, count) => Slopes(new(from + at, count), new(to + at, count), new(target + at, count)));
        GC.KeepAlive(x);
        return [slopes.Multiply(outputGradients[0]!)];
    }

    private protected sealed override unsafe void Compute(float* x, float* y, long count) =>
        ForChunks(count, (at, length) => Values(new(x + at, length), new(y + at, length)));

    /// <summary>The function of each element.</summary>
    private protected abstract void Values(ReadOnlySpan<float> x, Span<float> y);

    /// <summary>The derivative at each x, whose value is y.</summary>
    private protected abstract void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes);

    private static void ForChunks(long count, Action<long, int> body) => Workers.For(Elementwise.Chunks(count), chunk =>
    {
        var at = (long)chunk * Elementwise.Chunk;
        body(at, (int)Math.Min(Elementwise.Chunk, count - at));
    });
}
