using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Converts between F32, F64, F16 and BF16, rounding to nearest with halves to even: [...] -> [...].</summary>
/// <remarks>F64 becomes F16 or BF16 by way of F32, as in torch.</remarks>
public sealed record Cast(DType To) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 1 && FloatConversion.Supports(inputs[0].DType) && FloatConversion.Supports(To)
            ? [inputs[0] with { DType = To }]
            : throw Mismatch($"one tensor of F32, F64, F16 or BF16 can be cast to one of these, not to {To}.", inputs);

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, y) = (RowMajor(inputs[0]), outputs[0]);
        var (from, size, newSize, count) = (x.DType, x.DType.ByteSize(), To.ByteSize(), x.Count);
        byte* source = x.Storage.Pointer + x.Offset * size, target = y.Storage.Pointer + y.Offset * newSize;
        Workers.For(Elementwise.Chunks(count), chunk =>
        {
            var start = (long)chunk * Elementwise.Chunk;
            var length = (int)Math.Min(Elementwise.Chunk, count - start);
            FloatConversion.Convert(
                from, new(source + start * size, length * size), To, new(target + start * newSize, length * newSize));
        });
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Cast(inputs[0].DType)];
}
