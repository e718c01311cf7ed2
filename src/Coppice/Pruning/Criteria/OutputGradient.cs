using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Gradient sensitivity of an output channel y of a convolution or linear layer: the mean over batches, and over the examples and
/// positions of a batch, of <c>|dL/dy|</c>.</summary>
/// <remarks>
/// The gradient's half of the Taylor criterion of Molchanov et al. 2017, without the activation: how strongly the loss reacts to the
/// channel, whatever its size. L is a batch's mean loss, so larger batches give smaller values; the order within one calibration is what
/// counts.
/// </remarks>
public sealed class OutputGradient : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => PruningUnit.Channel;

    /// <inheritdoc/>
    public override CriterionNeeds Needs => CriterionNeeds.OutputGradients;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight) =>
        ScoreMath.FromDoubles(Array.ConvertAll(weight.OutputGradients, sum => sum / weight.Batches));
}
