using System.Buffers;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Pruning.Streaming;

/// <summary>Cuts tensors into the pieces that are worked on at a time, so that memory does not grow with the model.</summary>
internal static class TensorChunks
{
    /// <summary>Elements of a piece: 1 MB of F32.</summary>
    public const int Elements = 1 << 18;

    /// <summary>Pieces of some tensors, in order.</summary>
    public static List<TensorChunk> Split(IReadOnlyList<long> counts)
    {
        var chunks = new List<TensorChunk>();
        for (var tensor = 0; tensor < counts.Count; tensor++)
            for (long first = 0; first < counts[tensor]; first += Elements)
                chunks.Add(new TensorChunk(tensor, first, (int)Math.Min(Elements, counts[tensor] - first)));
        return chunks;
    }

    /// <summary>The bytes of some elements, where they are if possible, else copied to <paramref name="scratch"/>.</summary>
    public static ReadOnlySpan<byte> View(this TensorSource source, long first, int count, Span<byte> scratch)
    {
        var size = source.DType.ByteSize();
        if (source.TryGetSpan(first * size, count * size, out var bytes))
            return bytes;
        var copy = scratch[..(count * size)];
        source.Read(first * size, copy);
        return copy;
    }

    /// <summary>Lends a buffer for one piece of elements of up to 8 bytes.</summary>
    public static Lease Rent() => new(ArrayPool<byte>.Shared.Rent(Elements * sizeof(long)));

    /// <summary>A buffer that goes back to the pool.</summary>
    public readonly struct Lease(byte[] buffer) : IDisposable
    {
        public byte[] Buffer { get; } = buffer;

        public void Dispose() => ArrayPool<byte>.Shared.Return(Buffer);
    }
}

/// <summary>Some consecutive elements of one of several tensors.</summary>
internal readonly record struct TensorChunk(int Tensor, long First, int Count);
