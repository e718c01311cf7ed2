using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Batch normalisation by the batch's own statistics, as in training (Ioffe and Szegedy 2015).</summary>
/// <remarks>
/// F32 x [B, C] or [B, C, H, W], weight and bias [C] -> y in the shape of x, and the batch's mean and variance [C], the variance divided by
/// the count of a channel's values: <c>y = (x - mean[c]) / sqrt(variance[c] + Epsilon) * weight[c] + bias[c]</c>.
/// The statistics serve to update running ones; no gradient flows back from them.
/// </remarks>
/// <param name="Epsilon">Added to the variance, so that a constant channel has a result.</param>
public sealed record BatchNormTraining(float Epsilon) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 3)
            throw Mismatch("x, weight and bias are expected.", inputs);
        if (Misfit(inputs) is { } why)
            throw Mismatch(why, inputs);
        var x = inputs[0].Shape;
        if (x.Count == 0 || x.Count / x[1] == 1)
            throw Mismatch("a channel needs more than one value to have a variance; give a larger batch.", inputs);
        return [inputs[0], inputs[1], inputs[1]];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, weight, bias) = (RowMajor(inputs[0]), inputs[1].ToArray<float>(), inputs[2].ToArray<float>());
        var (mean, variance) = (outputs[1], outputs[2]);
        ChannelKernels.Moments(x.Pointer<float>(), mean.Pointer<float>(), variance.Pointer<float>(), ChannelShape.Of(x.Shape));
        Normalize(x, weight, bias, mean.ToArray<float>(), variance.ToArray<float>(), Epsilon, outputs[0]);
    }

    /// <inheritdoc/>
    public override unsafe Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (outputGradients[0] is null)
            return [null, null, null];
        var (x, weight, mean, dy) = (RowMajor(inputs[0]), inputs[1].ToArray<float>(), outputs[1], RowMajor(outputGradients[0]!));
        var variance = outputs[2].AsReadOnlySpan<float>();
        var (dx, dw, db) = (Tensor.Empty(x.Shape), Tensor.Empty(inputs[1].Shape), Tensor.Empty(inputs[1].Shape));
        var shape = ChannelShape.Of(x.Shape);
        ChannelKernels.Products(
            dy.Pointer<float>(), x.Pointer<float>(), mean.Pointer<float>(), db.Pointer<float>(), dw.Pointer<float>(), shape);
        // dx = scale (dy - sum(dy) / n - (x - mean) sum(dy (x - mean)) / (n (variance + epsilon))), by channel.
        float[] scale = new float[shape.Channels], slope = new float[shape.Channels], shift = new float[shape.Channels];
        var means = mean.AsReadOnlySpan<float>();
        var sums = db.AsReadOnlySpan<float>();
        var gradient = dw.AsSpan<float>();
        for (var c = 0; c < shape.Channels; c++)
        {
            var inverse = InverseDeviation(variance[c], Epsilon);
            scale[c] = weight[c] * inverse;
            slope[c] = (float)(-(double)scale[c] * inverse * inverse * gradient[c] / shape.PerChannel);
            shift[c] = (float)(-(double)slope[c] * means[c] - (double)scale[c] * sums[c] / shape.PerChannel);
            gradient[c] *= inverse;
        }
        fixed (float* scales = scale, slopes = slope, shifts = shift)
            ChannelKernels.Combine(dy.Pointer<float>(), scales, x.Pointer<float>(), slopes, shifts, dx.Pointer<float>(), shape);
        GC.KeepAlive(x);
        GC.KeepAlive(dy);
        return [dx, dw, db];
    }

    /// <summary>Why the tensors don't fit each other, or null: x [B, C] or [B, C, H, W], all others [C].</summary>
    internal static string? Misfit(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs[0].Shape.Rank is not (2 or 4))
            return "x must be [B, C] or [B, C, H, W].";
        foreach (var input in inputs)
            if (input.DType != DType.F32)
                return "expected F32 tensors; Cast them first.";
        Shape channels = [inputs[0].Shape[1]];
        foreach (var input in inputs[1..])
            if (input.Shape != channels)
                return $"all but x must have shape {channels}, one value for each channel of x.";
        return null;
    }

    internal static float InverseDeviation(float variance, float epsilon) => (float)(1 / Math.Sqrt((double)variance + epsilon));

    /// <summary>y = (x - mean) / sqrt(variance + epsilon) * weight + bias, as one factor and one addend for each channel.</summary>
    internal static unsafe void Normalize(
        Tensor x, float[] weight, float[] bias, float[] mean, float[] variance, float epsilon, Tensor y)
    {
        float[] scale = new float[mean.Length], shift = new float[mean.Length];
        for (var c = 0; c < scale.Length; c++)
        {
            scale[c] = weight[c] * InverseDeviation(variance[c], epsilon);
            shift[c] = (float)(bias[c] - (double)mean[c] * scale[c]);
        }
        fixed (float* scales = scale, shifts = shift)
            ChannelKernels.Scale(x.Pointer<float>(), scales, shifts, y.Pointer<float>(), ChannelShape.Of(x.Shape));
        GC.KeepAlive(x);
    }
}
