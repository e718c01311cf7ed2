using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Training;

/// <summary>Stochastic gradient descent with momentum, as torch.optim.SGD without dampening.</summary>
public sealed class Sgd : Optimizer
{
    /// <inheritdoc cref="Optimizer(Module, double, double, IReadOnlyList{ParameterGroup}?)"/>
    public Sgd(Module module, double learningRate, double weightDecay = 0, IReadOnlyList<ParameterGroup>? groups = null)
        : base(module, learningRate, weightDecay, groups)
    {
    }

    /// <summary>Share of the last step's direction that is kept, usually 0 or 0.9.</summary>
    public double Momentum { get; init; }

    /// <summary>Whether the gradient counts once more on top of the momentum (Nesterov 1983); without momentum it has no effect.</summary>
    public bool Nesterov { get; init; }

    private protected override void Update(Slot slot, Parameter parameter, Tensor gradient) =>
        OptimizerKernels.Sgd(parameter.Data, gradient, Momentum == 0 ? null : slot.First, parameter.Mask, new(
            (float)(slot.LearningRate * LearningRateFactor), (float)Momentum, (float)slot.WeightDecay, Nesterov));
}
