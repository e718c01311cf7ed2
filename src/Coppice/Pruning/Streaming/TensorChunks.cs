using System.Buffers;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Pruning.Streaming;

/// <summary>Cuts tensors into the pieces that are worked on at a time, so that memory does not grow with the model.</summary>
internal static class TensorChunks
{
    /// <summary>Elements of a piece: 256 KB of F32, which stay in cache from reading through counting.</summary>
    public const int Length = 1 << 16;

    /// <summary>Pieces of some tensors, in order.</summary>
    public static List<TensorChunk> Split(IReadOnlyList<long> counts)
    {
        var chunks = new List<TensorChunk>();
        for (var tensor = 0; tensor < counts.Count; tensor++)
            for (long first = 0; first < counts[tensor]; first += Length)
                chunks.Add(new TensorChunk(tensor, first, (int)Math.Min(Length, counts[tensor] - first)));
        return chunks;
    }

    /// <summary>The bytes of some elements, where they lie in memory, else copied to <paramref name="scratch"/>.</summary>
    public static ReadOnlySpan<byte> Elements(this TensorSource source, long first, int count, Span<byte> scratch)
    {
        var size = source.DType.ByteSize();
        return source.View(first * size, count * size, scratch);
    }

    /// <summary>Lends a buffer for one piece of elements of up to 8 bytes.</summary>
    public static Lease Rent() => new(ArrayPool<byte>.Shared.Rent(Length * sizeof(long)));

    /// <summary>A buffer that goes back to the pool.</summary>
    public readonly struct Lease(byte[] buffer) : IDisposable
    {
        public byte[] Buffer { get; } = buffer;

        public void Dispose() => ArrayPool<byte>.Shared.Return(Buffer);
    }
}

/// <summary>Some consecutive elements of one of several tensors.</summary>
internal readonly record struct TensorChunk(int Tensor, long First, int Count);
