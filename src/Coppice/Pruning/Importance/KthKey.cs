using System.Buffers;
using Coppice.Pruning.Streaming;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Importance;

/// <summary>Finds the limit below which exactly k keys lie, over one or several weights, by radix selection over their pieces.</summary>
/// <remarks>Reads the keys two to five times; holds counters, never keys. Exact and independent of the number of threads.</remarks>
internal sealed class KthKey
{
    private const long FlushEvery = 1L << 31;
    private readonly IReadOnlyList<KeySource> _sources;
    private readonly List<TensorChunk> _chunks;
    private readonly int _width;

    private KthKey(IReadOnlyList<KeySource> sources)
    {
        _sources = sources;
        _chunks = TensorChunks.Split([.. sources.Select(s => s.Count)]);
        _width = sources[0].Width;
    }

    /// <summary>One limit per weight, such that together they prune the <paramref name="k"/> smallest keys, equal keys in the order of
    /// the weights and their indices.</summary>
    /// <param name="sources">At least one, all of one width.</param>
    /// <param name="k">From 0 to the number of keys.</param>
    public static KeyLimit[] Find(IReadOnlyList<KeySource> sources, long k) => k == 0
        ? new KeyLimit[sources.Count]
        : SampledWindow.TryFind(sources, k) ?? new KthKey(sources).Find(k);

    /// <summary>How many keys equal <paramref name="key"/>.</summary>
    public static long CountEqual(ReadOnlySpan<byte> keys, int width, long key) =>
        MaskKernels.CountAtMost(keys, width, key) - MaskKernels.CountAtMost(keys, width, key - 1);

    /// <summary>The index at which the first <paramref name="ties"/> keys equal to <paramref name="key"/> end.</summary>
    public static int EndOfTies(ReadOnlySpan<byte> keys, int width, long key, long ties)
    {
        var (index, count) = (0, keys.Length / width);
        while (ties > 0)
        {
            // Skip the first half where it does not hold them all.
            var half = (count + 1) / 2;
            var equal = CountEqual(keys.Slice(index * width, half * width), width, key);
            if (equal < ties || half == count)
                (index, count, ties) = (index + half, count - half, ties - equal);
            else
                count = half;
        }
        return index;
    }

    private KeyLimit[] Find(long k)
    {
        var shift = _width * 8 - 16;
        var digits = new long[1 << 15];
        Count(RadixSelect.FirstTableLength, (keys, table) => RadixSelect.CountFirst(keys, _width, table),
            table => RadixSelect.FoldFirst(table, digits));
        var (key, below) = Locate(digits, k);
        var equal = digits[key];
        while (shift > 0)
        {
            shift -= 16;
            var (prefix, at) = (key, shift);
            digits = new long[RadixSelect.NextTableLength];
            Count(digits.Length, (keys, table) => RadixSelect.CountNext(keys, _width, at, prefix, table), table => Add(table, digits));
            var (digit, before) = Locate(digits, k - below);
            (key, below, equal) = ((key << 16) | digit, below + before, digits[digit]);
        }
        var ends = k - below == equal ? [.. _sources.Select(s => s.Count)] : TieEnds(key, k - below);
        return [.. ends.Select(end => new KeyLimit(key, end))];
    }

    /// <summary>The digit at which the count reaches <paramref name="k"/>, and the count before it.</summary>
    private static (long Digit, long Before) Locate(long[] digits, long k)
    {
        long before = 0;
        var digit = 0;
        while (before + digits[digit] < k)
            before += digits[digit++];
        return (digit, before);
    }

    private delegate void CountKeys(ReadOnlySpan<byte> keys, Span<uint> table);

    /// <summary>Counts all pieces in a few parallel shares, each into a table of its own.</summary>
    private void Count(int tableLength, CountKeys count, Action<uint[]> merge)
    {
        var total = _sources.Sum(s => s.Count);
        var shares = (int)Math.Max(Math.Min(_chunks.Count, 4L * Workers.ThreadCount), total / FlushEvery + 1);
        Workers.For(shares, share =>
        {
            var table = ArrayPool<uint>.Shared.Rent(tableLength);
            Array.Clear(table, 0, tableLength);
            using var lease = TensorChunks.Rent();
            for (var i = share; i < _chunks.Count; i += shares)
                count(Keys(_chunks[i], lease.Buffer), table);
            lock (_chunks)
                merge(table);
            ArrayPool<uint>.Shared.Return(table);
        });
    }

    private ReadOnlySpan<byte> Keys(TensorChunk chunk, byte[] scratch) => _sources[chunk.Tensor].Read(chunk.First, chunk.Count, scratch);

    private static void Add(uint[] table, long[] digits)
    {
        for (var i = 0; i < digits.Length; i++)
            digits[i] += table[i];
    }

    /// <summary>Where, in each weight, the first <paramref name="ties"/> keys equal to <paramref name="key"/> end.</summary>
    private long[] TieEnds(long key, long ties)
    {
        var equal = new long[_chunks.Count];
        Workers.For(_chunks.Count, i =>
        {
            using var lease = TensorChunks.Rent();
            var keys = Keys(_chunks[i], lease.Buffer);
            equal[i] = CountEqual(keys, _width, key);
        });
        var last = 0;
        while (equal[last] < ties)
            ties -= equal[last++];
        var ends = new long[_sources.Count];
        for (var s = 0; s < _chunks[last].Tensor; s++)
            ends[s] = _sources[s].Count;
        using var lastLease = TensorChunks.Rent();
        ends[_chunks[last].Tensor] = _chunks[last].First + EndOfTies(Keys(_chunks[last], lastLease.Buffer), _width, key, ties);
        return ends;
    }
}
