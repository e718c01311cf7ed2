using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Training;

/// <summary>What <see cref="Adam"/> and <see cref="AdamW"/> share; they differ in weight decay alone.</summary>
public abstract class AdamBase : Optimizer
{
    private protected AdamBase(Module module, double learningRate, double weightDecay, IReadOnlyList<ParameterGroup>? groups)
        : base(module, learningRate, weightDecay, groups)
    {
    }

    /// <summary>Decay of the running mean of gradients.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the running mean of squared gradients.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The gradient's share of the values, and what the values are multiplied by first.</summary>
    private protected abstract (double L2Penalty, double Shrink) Decay(double learningRate, double weightDecay);

    private protected override void Update(Slot slot, Parameter parameter, Tensor gradient)
    {
        var rate = slot.LearningRate * LearningRateFactor;
        var (penalty, shrink) = Decay(rate, slot.WeightDecay);
        OptimizerKernels.Adam(parameter.Data, gradient, slot.First, slot.Second, parameter.Mask, new(
            (float)(rate / (1 - Math.Pow(Beta1, slot.Steps))), (float)Beta1, (float)Beta2,
            (float)Math.Sqrt(1 - Math.Pow(Beta2, slot.Steps)), (float)Epsilon, (float)penalty, (float)shrink));
    }
}

/// <summary>Adam (Kingma and Ba, 2015) with the weight decay added to the gradient, as torch.optim.Adam.</summary>
public sealed class Adam : AdamBase
{
    /// <inheritdoc cref="Optimizer(Module, double, double, IReadOnlyList{ParameterGroup}?)"/>
    public Adam(Module module, double learningRate = 1e-3, double weightDecay = 0, IReadOnlyList<ParameterGroup>? groups = null)
        : base(module, learningRate, weightDecay, groups)
    {
    }

    private protected override (double L2Penalty, double Shrink) Decay(double learningRate, double weightDecay) => (weightDecay, 1);
}

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as torch.optim.AdamW.</summary>
public sealed class AdamW : AdamBase
{
    /// <inheritdoc cref="Optimizer(Module, double, double, IReadOnlyList{ParameterGroup}?)"/>
    public AdamW(Module module, double learningRate = 1e-3, double weightDecay = 1e-2, IReadOnlyList<ParameterGroup>? groups = null)
        : base(module, learningRate, weightDecay, groups)
    {
    }

    private protected override (double L2Penalty, double Shrink) Decay(double learningRate, double weightDecay) =>
        (0, 1 - learningRate * weightDecay);
}
