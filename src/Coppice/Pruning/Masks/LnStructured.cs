using Coppice.Pruning.Importance;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes the remaining channels of smallest L_n norm (<c>torch.nn.utils.prune.LnStructured</c>; Li et al. 2017).</summary>
/// <remarks>
/// A norm is (Σ|w|^n)^(1/n) over all other axes, summed in double precision; PyTorch sums in the weight's type, so norms closer than its
/// rounding may order differently there. The nuclear norm is not offered.
/// </remarks>
public sealed class LnStructured : BasePruningMethod
{
    private readonly PruneAmount _amount;
    private readonly double _n;

    /// <summary>A method for one amount, norm and axis.</summary>
    /// <param name="amount">Of the channels that remain.</param>
    /// <param name="n">Any number; infinity for the largest magnitude, -infinity for the smallest, 0 for the count of non-zeros.</param>
    /// <param name="dim">The axis of the channels; negative counts from the end.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is NaN.</exception>
    public LnStructured(PruneAmount amount, double n, int dim)
    {
        if (double.IsNaN(n))
            throw new ArgumentOutOfRangeException(nameof(n), n, "NaN is no norm; choose a number, or positive or negative infinity.");
        (_amount, _n, Dim) = (amount, n, dim);
    }

    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Structured;

    /// <inheritdoc/>
    public override int Dim { get; }

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var axis = Channels.Axis(scores.Shape, Dim, Target);
        var channels = new Channels(scores.Shape, axis);
        var count = _amount.Of(channels.Count, $"remaining channels of {Target} along axis {axis}");
        channels.Prune(defaultMask, Lowest.Of(ChannelNorms.Compute(new LiveTensor(scores), axis, _n), count));
        return defaultMask;
    }
}
