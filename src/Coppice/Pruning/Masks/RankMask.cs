using System.Buffers;
using System.Runtime.InteropServices;
using Coppice.Pruning.Importance;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes where a ranking key that is not the weight's own bits lies below a limit; keys are computed again where they are needed.</summary>
internal sealed class RankMask(DType dtype, PruneSemantics semantics, KeySource keys, KeyLimit limit) : WeightMask(dtype, semantics)
{
    private const int Step = 1 << 14;

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var scratch = ArrayPool<byte>.Shared.Rent(Step * (keys.Width + size));
        long pruned = 0;
        for (var done = 0; done < elements.Length / size; done += Step)
        {
            var count = Math.Min(Step, elements.Length / size - done);
            var lanes = scratch.AsSpan(Step * keys.Width, count * size);
            FillLanes(keys.Read(firstElement + done, count, scratch), firstElement + done, lanes, size);
            pruned += MaskKernels.ZeroLanes(elements.Slice(done * size, count * size), DType, lanes, KeepSign);
        }
        ArrayPool<byte>.Shared.Return(scratch);
        return pruned;
    }

    private void FillLanes(ReadOnlySpan<byte> ranks, long first, Span<byte> lanes, int size)
    {
        for (var i = 0; i < lanes.Length / size; i++)
        {
            var key = keys.Width == sizeof(int) ? MemoryMarshal.Cast<byte, int>(ranks)[i] : MemoryMarshal.Cast<byte, long>(ranks)[i];
            lanes.Slice(i * size, size).Fill(key < limit.Key || (key == limit.Key && first + i < limit.TieEnd) ? byte.MaxValue : byte.MinValue);
        }
    }
}
