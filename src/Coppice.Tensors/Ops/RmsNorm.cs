using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Root mean square normalisation over the last axis (Zhang and Sennrich 2019).</summary>
/// <remarks>F32 x [..., D], weight [D] -> [..., D]: <c>y = x / sqrt(mean(x^2) + Epsilon) * weight</c>.</remarks>
/// <param name="Epsilon">Added to the mean square, so that a row of zeros has a result.</param>
public sealed record RmsNorm(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || inputs[0].DType != DType.F32 || inputs[1].DType != DType.F32)
            throw Mismatch("x and weight are expected, both F32.", inputs);
        var shape = inputs[0].Shape;
        if (shape.Rank == 0)
            throw Mismatch("x has no last axis to normalise.", inputs);
        Shape row = [shape[^1]];
        return inputs[1].Shape == row ? [inputs[0]] : throw Mismatch($"weight must have shape {row}, as x's last axis.", inputs);
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, weight, y) = (RowMajor(inputs[0]), RowMajor(inputs[1]), outputs[0]);
        var size = x.Shape[^1];
        var rows = x.Count / Math.Max(1, size);
        SimdKernel.Run(RowChunks.Count(rows, size),
            new RmsNormKernel(x.Pointer<float>(), weight.Pointer<float>(), y.Pointer<float>(), rows, size, Epsilon));
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, weight, gradient) = (RowMajor(inputs[0]), RowMajor(inputs[1]), RowMajor(outputGradients[0]!));
        var size = x.Shape[^1];
        var rows = x.Count / Math.Max(1, size);
        var chunks = RowChunks.Count(rows, size);
        var (dx, adds) = GradientMath.TargetOf(inputs[0]);
        var weights = Tensor.Empty([chunks, size]);
        SimdKernel.Run(chunks, new RmsNormGradientKernel(x.Pointer<float>(), weight.Pointer<float>(), gradient.Pointer<float>(),
            dx.Pointer<float>(), adds, weights.Pointer<float>(), rows, size, Epsilon));
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(gradient);
        return [dx, GradientMath.SumTo(weights, inputs[1])];
    }
}
