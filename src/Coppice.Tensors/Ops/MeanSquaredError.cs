using System.Numerics.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Mean of the squared differences of two F32 tensors of one shape: [...], [...] -> []; NaN where they are empty.</summary>
public sealed record MeanSquaredError : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs is [{ DType: DType.F32, Shape: var a }, { DType: DType.F32, Shape: var b }] && a == b
            ? [new(DType.F32, [])]
            : throw Mismatch("two F32 tensors of one shape are expected.", inputs);

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (a, b) = (RowMajor(inputs[0]), RowMajor(inputs[1]));
        float* left = a.Pointer<float>(), right = b.Pointer<float>();
        var count = a.Count;
        var sums = new float[Elementwise.Chunks(count)];
        Workers.For(sums.Length, chunk =>
        {
            var start = (long)chunk * Elementwise.Chunk;
            var length = (int)Math.Min(Elementwise.Chunk, count - start);
            var distance = TensorPrimitives.Distance(
                new ReadOnlySpan<float>(left + start, length), new ReadOnlySpan<float>(right + start, length));
            sums[chunk] = distance * distance;
        });
        *outputs[0].Pointer<float>() = (float)(sums.Sum(sum => (double)sum) / count);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradient = GradientMath.Scale(
            inputs[0].Subtract(inputs[1]), (float)(2.0 * outputGradients[0]!.Item<float>() / inputs[0].Count));
        return [gradient, Tape.Needs(inputs[1]) ? GradientMath.Scale(gradient, -1) : null];
    }
}
