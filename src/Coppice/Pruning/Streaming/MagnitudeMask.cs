using Coppice.Pruning.Importance;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes where |w| is below a threshold, or equal to it at a flat index below the end of the pruned ties.</summary>
public sealed class MagnitudeMask : WeightMask
{
    private readonly long _below;
    private readonly long _atMost;
    private readonly long _tieEnd;

    /// <summary>A mask from a threshold on keys of <paramref name="rankedAs"/>, which must hold every value of <paramref name="dtype"/>
    /// exactly.</summary>
    internal MagnitudeMask(DType dtype, PruneSemantics semantics, KeyLimit limit, DType rankedAs) : base(dtype, semantics)
    {
        Threshold = limit.TieEnd == 0 && limit.Key == 0 ? 0 : MaskKernels.KeyToMagnitude(rankedAs, limit.Key);
        _tieEnd = limit.TieEnd;
        // Among finite elements the zeros go first, and what goes becomes zero.
        if (limit.Figures is { } figures && figures.Largest < MaskKernels.InfinityKey(rankedAs))
            Survey = new Survey
            {
                Pruned = figures.Pruned,
                Zeros = figures.Zeros,
                ZerosAfter = Math.Max(figures.Pruned, figures.Zeros),
            };
        (_below, _atMost) = dtype == rankedAs
            ? (limit.Key - 1, limit.Key)
            : (LargestKey(dtype, rankedAs, limit.Key - 1), LargestKey(dtype, rankedAs, limit.Key));
    }

    /// <summary>The magnitude below which every element is pruned.</summary>
    public double Threshold { get; }

    /// <inheritdoc/>
    internal override Survey? Survey { get; }

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var ties = (int)Math.Clamp(_tieEnd - firstElement, 0, elements.Length / size) * size;
        return MaskKernels.ZeroAtMost(elements[..ties], DType, _atMost, KeepSign)
            + MaskKernels.ZeroAtMost(elements[ties..], DType, _below, KeepSign);
    }

    /// <summary>The largest key of <paramref name="dtype"/> whose value, in the wider type, has a key of at most
    /// <paramref name="wideKey"/>; -1 if none.</summary>
    private static long LargestKey(DType dtype, DType wide, long wideKey)
    {
        long low = -1, high = (1L << (dtype.BitSize() - 1)) - 1;
        while (low < high)
        {
            var middle = low + (high - low + 1) / 2;
            if (MagnitudeKeys.Widen(dtype, middle, wide) <= wideKey)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
