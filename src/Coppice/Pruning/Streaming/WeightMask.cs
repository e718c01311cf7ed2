using Coppice.Tensors;

namespace Coppice.Pruning.Streaming;

/// <summary>Which elements of one weight are pruned, as a function that answers for any piece of it on its own.</summary>
/// <remarks>Immutable and thread-safe, so that writing a pruned checkpoint streams and parallelises.</remarks>
public abstract class WeightMask(DType dtype, PruneSemantics semantics)
{
    /// <summary>Element type of the weight.</summary>
    public DType DType { get; } = dtype;

    /// <summary>What a pruned element becomes.</summary>
    public PruneSemantics Semantics { get; } = semantics;

    /// <summary>Figures of the weight that are known from choosing the mask; null where it takes a pass to count them.</summary>
    internal virtual Survey? Survey => null;

    /// <summary>Whether a pruned element keeps its sign, as a multiplication by zero has it.</summary>
    protected bool KeepSign => Semantics == PruneSemantics.Torch;

    /// <summary>Zeroes the pruned elements among some consecutive ones, in place.</summary>
    /// <param name="firstElement">Flat row-major index of the first element.</param>
    /// <param name="elements">Little-endian bytes of whole elements, unpruned.</param>
    /// <returns>How many of these elements are pruned.</returns>
    public abstract long Apply(long firstElement, Span<byte> elements);
}
