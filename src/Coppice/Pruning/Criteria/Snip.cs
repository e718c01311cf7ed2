using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Connection sensitivity: <c>|w g| / sum |w g|</c>, the sum over all weights in scope (Lee et al., "SNIP: single-shot network
/// pruning based on connection sensitivity", 2019).</summary>
/// <remarks>g is the mean over batches of the gradient of a batch's mean loss. The paper prunes once, before training, from one batch.
/// Where every product is 0, so are the scores.</remarks>
public sealed class Snip : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => PruningUnit.Entry;

    /// <inheritdoc/>
    public override CriterionNeeds Needs => CriterionNeeds.Gradients;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight) =>
        ScoreMath.Entries(weight.Weight, weight.Gradients, static (w, sum) => Math.Abs(w * sum));

    /// <inheritdoc/>
    protected override IReadOnlyList<Tensor> Normalize(IReadOnlyList<Tensor> scores)
    {
        var total = 0.0;
        foreach (var tensor in scores)
            foreach (var score in tensor.AsReadOnlySpan<float>())
                total += score;
        if (total > 0)
            foreach (var tensor in scores)
                foreach (ref var score in tensor.AsSpan<float>())
                    score = (float)(score / total);
        return scores;
    }
}
