using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Coppice.Pruning.Importance;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes where a ranking key that is not the weight's own bits lies below a limit; keys are computed again where they are
/// needed.</summary>
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
            var ties = (int)Math.Clamp(limit.TieEnd - firstElement - done, 0, count);
            FillLanes(keys.Read(firstElement + done, count, scratch), lanes, ties);
            pruned += MaskKernels.ZeroLanes(elements.Slice(done * size, count * size), DType, lanes, KeepSign);
        }
        ArrayPool<byte>.Shared.Return(scratch);
        return pruned;
    }

    private void FillLanes(ReadOnlySpan<byte> ranks, Span<byte> lanes, int ties)
    {
        if (keys.Width == sizeof(long))
            FillLanes(MemoryMarshal.Cast<byte, long>(ranks), lanes, ties, limit.Key);
        else
            FillLanes(MemoryMarshal.Cast<byte, int>(ranks), lanes, ties, (int)limit.Key);
    }

    private void FillLanes<T>(ReadOnlySpan<T> ranks, Span<byte> lanes, int ties, T key) where T : unmanaged, IBinaryInteger<T>
    {
        switch (DType.ByteSize())
        {
            case sizeof(short):
                FillLanes(ranks, MemoryMarshal.Cast<byte, short>(lanes), ties, key);
                break;
            case sizeof(int):
                FillLanes(ranks, MemoryMarshal.Cast<byte, int>(lanes), ties, key);
                break;
            default:
                FillLanes(ranks, MemoryMarshal.Cast<byte, long>(lanes), ties, key);
                break;
        }
    }

    private static void FillLanes<T, TLane>(ReadOnlySpan<T> ranks, Span<TLane> lanes, int ties, T key)
        where T : unmanaged, IBinaryInteger<T> where TLane : unmanaged, IBinaryInteger<TLane>
    {
        // The sign of a difference, spread over the lane: half the branches would be mispredicted.
        var sign = T.Zero.GetByteCount() * 8 - 1;
        for (var i = 0; i < ties; i++)
            lanes[i] = TLane.CreateTruncating((ranks[i] - key - T.One) >> sign);
        for (var i = ties; i < lanes.Length; i++)
            lanes[i] = TLane.CreateTruncating((ranks[i] - key) >> sign);
    }
}
