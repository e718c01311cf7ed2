using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Layer normalisation over the last axis (Ba et al. 2016).</summary>
/// <remarks>
/// F32 x [..., D], weight [D], bias [D] -> [..., D]: <c>y = (x - mean) / sqrt(variance + Epsilon) * weight + bias</c>,
/// the variance divided by D, not D - 1.
/// </remarks>
/// <param name="Epsilon">Added to the variance, so that a constant row has a result.</param>
public sealed record LayerNorm(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 3 || inputs[0].DType != DType.F32 || inputs[1].DType != DType.F32 || inputs[2].DType != DType.F32)
            throw Mismatch("x, weight and bias are expected, all F32.", inputs);
        var shape = inputs[0].Shape;
        if (shape.Rank == 0)
            throw Mismatch("x has no last axis to normalise.", inputs);
        Shape row = [shape[^1]];
        return inputs[1].Shape == row && inputs[2].Shape == row
            ? [inputs[0]]
            : throw Mismatch($"weight and bias must have shape {row}, as x's last axis.", inputs);
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, weight, bias, y) = (RowMajor(inputs[0]), RowMajor(inputs[1]), RowMajor(inputs[2]), outputs[0]);
        var size = x.Shape[^1];
        var rows = x.Count / Math.Max(1, size);
        var kernel = new LayerNormKernel(
            x.Pointer<float>(), weight.Pointer<float>(), bias.Pointer<float>(), y.Pointer<float>(), rows, size, Epsilon);
        SimdKernel.Run(RowChunks.Count(rows, size), kernel);
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(bias);
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
        Tensor weights = Tensor.Empty([chunks, size]), biases = Tensor.Empty([chunks, size]);
        SimdKernel.Run(chunks, new LayerNormGradientKernel(x.Pointer<float>(), weight.Pointer<float>(), gradient.Pointer<float>(),
            dx.Pointer<float>(), adds, weights.Pointer<float>(), biases.Pointer<float>(), rows, size, Epsilon));
        GC.KeepAlive(x);
        GC.KeepAlive(weight);
        GC.KeepAlive(gradient);
        return [dx, GradientMath.SumTo(weights, inputs[1]), GradientMath.SumTo(biases, inputs[2])];
    }
}
