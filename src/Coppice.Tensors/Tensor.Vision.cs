using Coppice.Tensors.Ops;

namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>Convolution of these images [B, C, H, W] with weight [O, C/groups, kh, kw] and bias [O] or null: [B, O, H', W'].</summary>
    /// <exception cref="OpException">Shapes do not fit.</exception>
    public Tensor Conv2d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1)
    {
        var op = new Conv2d(stride, padding, dilation, groups);
        return bias is null ? Op.ApplySingle(op, this, weight) : Op.ApplySingle(op, this, weight, bias);
    }

    /// <summary>Batch normalisation of [B, C] or [B, C, H, W] by given statistics [C].</summary>
    public Tensor BatchNorm(Tensor weight, Tensor bias, Tensor mean, Tensor variance, float epsilon = 1e-5f) =>
        Op.ApplySingle(new BatchNorm(epsilon), this, weight, bias, mean, variance);

    /// <summary>Batch normalisation of [B, C] or [B, C, H, W] by the batch's own statistics, which are returned too, [C] each.</summary>
    public (Tensor Normalized, Tensor Mean, Tensor Variance) BatchNormTraining(Tensor weight, Tensor bias, float epsilon = 1e-5f)
    {
        var outputs = Op.Apply(new BatchNormTraining(epsilon), this, weight, bias);
        return (outputs[0], outputs[1], outputs[2]);
    }

    /// <summary>The largest value of each window of [B, C, H, W].</summary>
    public Tensor MaxPool2d(int kernel, int? stride = null, int padding = 0) =>
        Op.ApplySingle(new MaxPool2d(kernel, stride ?? kernel, padding), this);

    /// <summary>The mean of each window of [B, C, H, W]; padding counts, as zeros.</summary>
    public Tensor AvgPool2d(int kernel, int? stride = null, int padding = 0) =>
        Op.ApplySingle(new AvgPool2d(kernel, stride ?? kernel, padding), this);

    /// <summary>The means of height by width windows of [B, C, H, W]: [B, C, height, width].</summary>
    public Tensor AdaptiveAvgPool2d(int height = 1, int width = 1) => Op.ApplySingle(new AdaptiveAvgPool2d(height, width), this);

    /// <summary>Adds entries of one value at both ends of an axis; a negative axis counts from the end.</summary>
    public Tensor Pad(int axis, int before, int after, float value = 0) => Op.ApplySingle(new Pad(Axis(axis), before, after, value), this);
}
