using System.Buffers;
using Coppice.Pruning.Importance;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes a matrix by a limit on magnitudes of each output's own.</summary>
/// <param name="dtype">Element type of the weight.</param>
/// <param name="semantics">What a pruned element becomes.</param>
/// <param name="columns">Stored columns.</param>
/// <param name="inputMajor">Whether stored columns are the outputs, not rows.</param>
/// <param name="limits">One for each output; where ties end is counted along the inputs.</param>
internal sealed class OutputMask(DType dtype, PruneSemantics semantics, int columns, bool inputMajor, KeyLimit[] limits)
    : WeightMask(dtype, semantics)
{
    private const int Step = 1 << 14;

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var buffer = ArrayPool<byte>.Shared.Rent(Step * size);
        long pruned = 0;
        for (var done = 0; done < elements.Length / size; done += Step)
        {
            var piece = elements.Slice(done * size, Math.Min(Step, elements.Length / size - done) * size);
            var lanes = buffer.AsSpan(0, piece.Length);
            FillLanes(firstElement + done, piece, lanes, size);
            pruned += MaskKernels.ZeroLanes(piece, DType, lanes, KeepSign);
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return pruned;
    }

    private void FillLanes(long first, ReadOnlySpan<byte> elements, Span<byte> lanes, int size)
    {
        var (row, column) = Math.DivRem(first, columns);
        for (var i = 0; i < lanes.Length / size; i++)
        {
            var (output, input) = inputMajor ? (column, row) : (row, column);
            var (limit, key) = (limits[output], MagnitudeKeys.Of(elements.Slice(i * size, size)));
            var isPruned = key < limit.Key || (key == limit.Key && input < limit.TieEnd);
            lanes.Slice(i * size, size).Fill(isPruned ? byte.MaxValue : byte.MinValue);
            if (++column == columns)
                (row, column) = (row + 1, 0);
        }
    }
}
