using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Rotary position embedding (Su et al. 2021), halves paired as in Hugging Face's Llama.</summary>
/// <remarks>
/// F32 x [B, H, T, D], I64 positions [T] or [B, T], F32 frequencies [D/2] -> [B, H, T, D]: with the angle <c>a = position * frequency[i]</c>,
/// rounded to F32, <c>y[i] = x[i] cos a - x[i + D/2] sin a</c> and <c>y[i + D/2] = x[i + D/2] cos a + x[i] sin a</c>. D is even.
/// </remarks>
public sealed record RotaryEmbedding : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 3 || inputs[0].DType != DType.F32 || inputs[1].DType != DType.I64 || inputs[2].DType != DType.F32)
            throw Mismatch("x in F32, positions in I64 and frequencies in F32 are expected.", inputs);
        var x = inputs[0].Shape;
        if (x.Rank != 4 || x[3] % 2 != 0)
            throw Mismatch("x must be [B, H, T, D] with an even D.", inputs);
        Shape shared = [x[2]], own = [x[0], x[2]], pairs = [x[3] / 2];
        if (inputs[1].Shape != shared && inputs[1].Shape != own)
            throw Mismatch($"positions must be {shared} or {own}.", inputs);
        return inputs[2].Shape == pairs ? [inputs[0]] : throw Mismatch($"frequencies must be {pairs}, one for each pair.", inputs);
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        Turn(inputs[0], inputs[1], inputs[2], outputs[0], backwards: false);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A gradient of the frequencies is asked for.</exception>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (Tape.Differentiates(inputs[2]))
            throw new NotSupportedException("RotaryEmbedding has no gradient to its frequencies: they are constants of the model.");
        var gradient = Tensor.Empty(inputs[0].Shape);
        Turn(outputGradients[0]!, inputs[1], inputs[2], gradient, backwards: true);
        return [gradient, null, null];
    }

    private static unsafe void Turn(Tensor x, Tensor positions, Tensor frequencies, Tensor y, bool backwards)
    {
        var (source, steps, turns) = (Attention.RowsOf(x), RowMajor(positions), RowMajor(frequencies));
        var shape = x.Shape;
        var (batch, heads, length, size) = (shape[0], shape[1], shape[2], shape[3]);
        using var angles = new NativeBuffer(steps.Count * size);
        RotaryKernel.Angles(steps.Pointer<long>(), steps.Count, turns.Pointer<float>(), size / 2, backwards, angles.Pointer);
        var rows = (long)batch * heads * length;
        var ownPositions = steps.Shape.Rank == 2;
        var kernel = new RotaryKernel(Attention.Strided(source), angles.Pointer, ownPositions, y.Pointer<float>(), rows, heads, length, size);
        SimdKernel.Run(RowChunks.Count(rows, size), kernel);
        GC.KeepAlive(source);
        GC.KeepAlive(steps);
        GC.KeepAlive(turns);
    }
}
