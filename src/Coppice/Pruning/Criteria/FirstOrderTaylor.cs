using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>How much the loss changes, to first order, when something is set to zero (Molchanov et al., "Pruning convolutional neural
/// networks for resource efficient inference", 2017; "Importance estimation for neural network pruning", 2019).</summary>
/// <remarks>
/// With g the mean over batches of the gradient of a batch's mean loss: an entry scores <c>|w g|</c>, an output channel
/// <c>|sum w g|</c> over its weights without the bias, which is |gate x gradient of the gate| for a gate of 1 on what the weights give, and
/// the root of the 2019 paper's (sum w g)^2: the same order.
/// </remarks>
/// <param name="unit">What is scored.</param>
public sealed class FirstOrderTaylor(PruningUnit unit = PruningUnit.Entry) : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => unit;

    /// <inheritdoc/>
    public override CriterionNeeds Needs => CriterionNeeds.Gradients;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight)
    {
        var batches = weight.Batches;
        return unit == PruningUnit.Entry
            ? ScoreMath.Entries(weight.Weight, weight.Gradients, (w, sum) => Math.Abs(w * sum) / batches)
            : ScoreMath.Channels(weight.Weight, weight.Gradients, static (w, sum) => w * sum, sum => Math.Abs(sum) / batches);
    }
}
