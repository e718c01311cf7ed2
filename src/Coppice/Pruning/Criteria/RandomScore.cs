using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Random numbers: what every other criterion has to beat.</summary>
/// <remarks>They depend on the seed, the weight's full name and the place in it alone, so pruning on with the same seed goes on along the
/// same order.</remarks>
/// <param name="seed">Any number.</param>
/// <param name="unit">What is drawn for.</param>
public sealed class RandomScore(long seed, PruningUnit unit = PruningUnit.Entry) : Criterion
{
    /// <inheritdoc/>
    public override PruningUnit Unit => unit;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight)
    {
        var live = weight.Weight;
        var random = new RandomSource(live.FullName.Aggregate(seed, static (hash, letter) => unchecked((hash ^ letter) * 0x100000001B3)));
        var scores = unit == PruningUnit.Entry ? Tensor.Empty(live.Parameter.Shape) : Tensor.Empty([live.Outputs]);
        foreach (ref var score in scores.AsSpan<float>())
            score = random.NextSingle();
        return scores;
    }
}
