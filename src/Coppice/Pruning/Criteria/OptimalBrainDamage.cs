using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>How much the loss rises, to second order with a diagonal Hessian, when a weight is set to zero: <c>h w^2 / 2</c> (LeCun, Denker
/// and Solla, "Optimal brain damage", 1990).</summary>
/// <remarks>
/// For h stands the diagonal of the empirical Fisher matrix by batches: the mean over batches of the square of the gradient of a batch's
/// mean loss. With batches of one example it is the Fisher matrix of examples; larger batches average before squaring and give smaller
/// values. An output channel scores the sum over its weights without the bias.
/// </remarks>
/// <param name="unit">What is scored.</param>
public sealed class OptimalBrainDamage(PruningUnit unit = PruningUnit.Entry) : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => unit;

    /// <inheritdoc/>
    public override CriterionNeeds Needs => CriterionNeeds.SquaredGradients;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight)
    {
        var batches = weight.Batches;
        return unit == PruningUnit.Entry
            ? ScoreMath.Entries(weight.Weight, weight.SquaredGradients, (w, sum) => 0.5 * w * w * sum / batches)
            : ScoreMath.Channels(weight.Weight, weight.SquaredGradients, static (w, sum) => w * w * sum, sum => 0.5 * sum / batches);
    }
}
