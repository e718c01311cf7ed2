using System.Buffers;
using Coppice.Checkpoints;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Marks the pruned elements of one window: all-ones lanes where pruned, zeros elsewhere.</summary>
internal delegate void MarkPruned(ReadOnlySpan<byte> elements, Span<byte> lanes);

/// <summary>Prunes by a pattern that is decided in each of the aligned windows that a weight falls into, from the window's own
/// elements.</summary>
/// <remarks>Holds no mask: windows are read from the unpruned weight again where they are needed.</remarks>
internal sealed class WindowMask(TensorSource source, PruneSemantics semantics, int windowElements, MarkPruned mark)
    : WeightMask(source.DType, semantics)
{
    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var window = windowElements * size;
        var buffer = ArrayPool<byte>.Shared.Rent(2 * window);
        var lanes = buffer.AsSpan(window, window);
        long pruned = 0;
        for (var index = firstElement; elements.Length > 0;)
        {
            var inside = (int)(index % windowElements);
            var run = Math.Min(windowElements - inside, elements.Length / size);
            // A window that lies in the piece is there already.
            var whole = run == windowElements ? elements[..window] : source.Elements(index - inside, windowElements, buffer);
            mark(whole, lanes);
            pruned += MaskKernels.ZeroLanes(elements[..(run * size)], DType, lanes.Slice(inside * size, run * size), KeepSign);
            elements = elements[(run * size)..];
            index += run;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return pruned;
    }
}
