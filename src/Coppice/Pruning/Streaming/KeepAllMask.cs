using Coppice.Tensors;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes nothing.</summary>
internal sealed class KeepAllMask(DType dtype, PruneSemantics semantics) : WeightMask(dtype, semantics)
{
    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements) => 0;
}
