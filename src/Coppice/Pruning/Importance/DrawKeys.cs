using System.Runtime.InteropServices;
using Coppice.Tensors;

namespace Coppice.Pruning.Importance;

/// <summary>Ranks elements as <c>torch.rand_like</c> draws them, the largest draw first: what <c>random_unstructured</c> prunes.</summary>
/// <remarks>The stream is sequential; its state, 2.5 KB, is kept every 2^16 elements, so that any piece can be drawn again from near
/// by.</remarks>
internal sealed class DrawKeys : KeySource
{
    private const int Interval = 1 << 16;
    private readonly List<RandomSource> _starts = [];

    /// <summary>Takes <paramref name="count"/> draws of the type from the stream.</summary>
    public DrawKeys(long count, DType dtype, RandomSource stream) : base(count, dtype == DType.F64 ? sizeof(long) : sizeof(int))
    {
        for (long done = 0; done < count; done += Interval)
        {
            _starts.Add(stream.Clone());
            for (var left = Math.Min(Interval, count - done); left > 0; left--)
                NextKey(stream);
        }
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch)
    {
        var stream = _starts[(int)(first / Interval)].Clone();
        for (var skip = first % Interval; skip > 0; skip--)
            NextKey(stream);
        var keys = scratch[..(count * Width)];
        for (var i = 0; i < count; i++)
            if (Width == sizeof(int))
                MemoryMarshal.Cast<byte, int>(keys)[i] = (int)NextKey(stream);
            else
                MemoryMarshal.Cast<byte, long>(keys)[i] = NextKey(stream);
        return keys;
    }

    private long NextKey(RandomSource stream) => Width == sizeof(int)
        ? (1 << 24) - 1 - (stream.NextUInt32() & 0xFFFFFF)
        : (1L << 53) - 1 - (long)(stream.NextUInt64() & ((1UL << 53) - 1));
}
