using Coppice.Pruning.Importance;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary><c>(sum |w|^n)^(1/n)</c> over each output channel (Li et al., "Pruning filters for efficient ConvNets", 2017, with n =
/// 1).</summary>
public sealed class ChannelNorm : Criterion
{
    private readonly double _n;

    /// <summary>A norm.</summary>
    /// <param name="n">Any number; infinity for the largest magnitude, -infinity for the smallest, 0 for the count of non-zeros.</param>
    /// <exception cref="PruningException"><paramref name="n"/> is NaN.</exception>
    public ChannelNorm(double n) => _n = !double.IsNaN(n)
        ? n
        : throw new PruningException("NaN is no norm; choose a number such as 1 or 2, or infinity.");

    /// <inheritdoc/>
    public override PruningUnit Unit => PruningUnit.Channel;

    /// <inheritdoc/>
    protected override Tensor Score(WeightStatistics weight)
    {
        var live = weight.Weight;
        return ScoreMath.FromDoubles(ChannelNorms.Compute(new LiveTensor(live.Parameter.Value), live.OutputAxis, _n));
    }
}
