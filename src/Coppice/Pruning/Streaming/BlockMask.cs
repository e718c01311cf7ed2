using System.Buffers;
using System.Collections;
using Coppice.Pruning.Importance;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes whole blocks of a matrix: one bit for each block.</summary>
internal sealed class BlockMask : WeightMask
{
    private const int Step = 1 << 14;
    private readonly BlockGrid _grid;
    private readonly BitArray _pruned;

    public BlockMask(DType dtype, PruneSemantics semantics, BlockGrid grid, double[] scores, KeyLimit limit) : base(dtype, semantics)
    {
        _grid = grid;
        _pruned = new BitArray(scores.Length);
        for (var block = 0; block < scores.Length; block++)
        {
            var key = BitConverter.DoubleToInt64Bits(scores[block]) & long.MaxValue;
            _pruned[block] = key < limit.Key || (key == limit.Key && block < limit.TieEnd);
        }
    }

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var buffer = ArrayPool<byte>.Shared.Rent(Step * size);
        long total = 0;
        for (var index = firstElement; elements.Length > 0;)
        {
            var left = _grid.MatrixColumns - index % _grid.MatrixColumns;
            var run = (int)Math.Min(Math.Min(left, Step), elements.Length / size);
            var lanes = buffer.AsSpan(0, run * size);
            FillLanes(index, lanes, size);
            total += MaskKernels.ZeroLanes(elements[..lanes.Length], DType, lanes, KeepSign);
            elements = elements[lanes.Length..];
            index += run;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return total;
    }

    /// <summary>Lanes of consecutive elements of one stored row.</summary>
    private void FillLanes(long index, Span<byte> lanes, int size)
    {
        var block = _grid.BlockOf(index);
        var column = (int)(index % _grid.MatrixColumns % _grid.Width);
        for (; lanes.Length > 0; block++, column = 0)
        {
            var run = Math.Min((_grid.Width - column) * size, lanes.Length);
            lanes[..run].Fill(_pruned[block] ? byte.MaxValue : byte.MinValue);
            lanes = lanes[run..];
        }
    }
}
