using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Batch normalisation by given statistics, as in evaluation (Ioffe and Szegedy 2015).</summary>
/// <remarks>
/// F32 x [B, C] or [B, C, H, W], weight, bias, mean and variance [C] -> the shape of x:
/// <c>y = (x - mean[c]) / sqrt(variance[c] + Epsilon) * weight[c] + bias[c]</c>. No gradient flows into the statistics.
/// </remarks>
/// <param name="Epsilon">Added to the variance, so that a constant channel has a result.</param>
public sealed record BatchNorm(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 5)
            throw Mismatch("x, weight, bias, mean and variance are expected.", inputs);
        if (BatchNormTraining.Misfit(inputs) is { } why)
            throw Mismatch(why, inputs);
        return [inputs[0]];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, weight, bias, mean, variance) =
            (RowMajor(inputs[0]), inputs[1].ToArray<float>(), inputs[2].ToArray<float>(), inputs[3].ToArray<float>(),
                inputs[4].ToArray<float>());
        BatchNormTraining.Normalize(x, weight, bias, mean, variance, Epsilon, outputs[0]);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, weight, mean, variance) = (RowMajor(inputs[0]), inputs[1].ToArray<float>(), RowMajor(inputs[3]),
            inputs[4].ToArray<float>());
        var dy = RowMajor(outputGradients[0]!);
        var (dx, dw, db) = (Tensor.Empty(x.Shape), Tensor.Empty(inputs[1].Shape), Tensor.Empty(inputs[1].Shape));
        var shape = ChannelShape.Of(x.Shape);
        ChannelKernels.Products(
            dy.Pointer<float>(), x.Pointer<float>(), mean.Pointer<float>(), db.Pointer<float>(), dw.Pointer<float>(), shape);
        var scale = new float[shape.Channels];
        var gradient = dw.AsSpan<float>();
        for (var c = 0; c < scale.Length; c++)
        {
            var inverse = BatchNormTraining.InverseDeviation(variance[c], Epsilon);
            gradient[c] *= inverse;
            scale[c] = weight[c] * inverse;
        }
        fixed (float* scales = scale, shifts = new float[scale.Length])
            ChannelKernels.Scale(dy.Pointer<float>(), scales, shifts, dx.Pointer<float>(), shape);
        GC.KeepAlive(x);
        GC.KeepAlive(mean);
        GC.KeepAlive(dy);
        return [dx, dw, db, null, null];
    }
}
