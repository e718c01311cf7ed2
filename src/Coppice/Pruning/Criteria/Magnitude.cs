using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>|w|, entry by entry (Han et al., "Learning both weights and connections for efficient neural networks", 2015).</summary>
public sealed class Magnitude : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => PruningUnit.Entry;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight)
    {
        var value = weight.Weight.Parameter.Value;
        return ScoreMath.Entries(weight.Weight, value, static (w, _) => Math.Abs(w));
    }
}
