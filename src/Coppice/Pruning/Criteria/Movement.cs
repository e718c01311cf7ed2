using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Whether training moves a weight away from zero: <c>-sum w dL/dw</c> over the training steps so far (Sanh, Wolf and Rush,
/// "Movement pruning: adaptive sparsity by fine-tuning", 2020).</summary>
/// <remarks>Scores have a sign: weights that move towards zero go first, however large. With hard masks, that never come back. The paper's
/// learning rate of the scores is a factor without effect on the order.</remarks>
public sealed class Movement : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => PruningUnit.Entry;

    /// <inheritdoc/>
    public override CriterionNeeds Needs => CriterionNeeds.Movement;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight) => weight.Movement;
}
