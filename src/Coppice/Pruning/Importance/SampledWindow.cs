using Coppice.Pruning.Streaming;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Importance;

/// <summary>Finds the same limits as <see cref="KthKey"/> in one pass over many keys: a sample tells a narrow window in which the wanted
/// key lies, the pass counts the keys below it and gathers those inside, and the selection goes on among these.</summary>
/// <remarks>
/// Exact: where the window misses, or holds too many equal keys, there is no answer. Floyd and Rivest, "Expected time bounds for selection"
/// (1975), narrow a selection alike. The sample is spread evenly and takes no random numbers.
/// </remarks>
internal sealed class SampledWindow
{
    private const long SmallestTotal = 1 << 20;
    private const int Run = 32;
    private const int FewestRuns = 1 << 13;
    private const int KeysPerRun = 1 << 15;
    private const long MostGathered = 1 << 25;

    private readonly IReadOnlyList<KeySource> _sources;
    private readonly List<TensorChunk> _chunks;
    private readonly int _width;
    private readonly long _total;
    private readonly WindowCounts[] _counts;
    private readonly GatheredKeys[] _gathered;

    private SampledWindow(IReadOnlyList<KeySource> sources)
    {
        _sources = sources;
        _chunks = TensorChunks.Split([.. sources.Select(s => s.Count)]);
        _width = sources[0].Width;
        _total = sources.Sum(s => s.Count);
        _counts = new WindowCounts[_chunks.Count];
        _gathered = new GatheredKeys[_chunks.Count];
    }

    /// <summary>The limits that <see cref="KthKey"/> finds, with figures; null where one pass does not find them.</summary>
    public static KeyLimit[]? TryFind(IReadOnlyList<KeySource> sources, long k)
    {
        if (sources[0].Width == sizeof(short) || sources.Sum(s => s.Count) < SmallestTotal || sources.Any(s => !s.ReadsAnywhere))
            return null;
        var window = new SampledWindow(sources);
        var (low, high) = window.Guess(k);
        if (!window.TryGather(low, high))
            return null;
        var left = k - window._counts.Sum(counts => counts.Below);
        return left > 0 && left <= window._gathered.Sum(keys => keys.Count)
            ? window.Limits(KthKey.Find(window._gathered, left))
            : null;
    }

    /// <summary>A window around the sample's keys of about the same rank, four standard deviations of the rank to either side.</summary>
    private (long Low, long High) Guess(long k)
    {
        var sample = Sample();
        var rank = (long)((double)k / _total * sample.Count);
        var margin = 2 * (long)Math.Sqrt(sample.Count);
        var low = rank <= margin ? 0 : KthKey.Find([sample], rank - margin)[0].Key;
        var high = rank + margin >= sample.Count ? long.MaxValue >> (64 - 8 * _width) : KthKey.Find([sample], rank + margin)[0].Key;
        return (low, high);
    }

    private GatheredKeys Sample()
    {
        var runs = (int)Math.Max(FewestRuns, _total / KeysPerRun);
        var bytes = new byte[runs * Run * _width];
        var starts = new long[_sources.Count];
        for (var s = 1; s < starts.Length; s++)
            starts[s] = starts[s - 1] + _sources[s - 1].Count;
        const int RunsAtOnce = 64;
        Workers.For((runs + RunsAtOnce - 1) / RunsAtOnce, part =>
        {
            for (var run = part * RunsAtOnce; run < Math.Min(runs, (part + 1) * RunsAtOnce); run++)
                ReadRun((long)((double)_total / runs * run), starts, bytes.AsSpan(run * Run * _width, Run * _width));
        });
        return new GatheredKeys(bytes, _width);
    }

    /// <summary>Reads consecutive keys from a place among all; where a source ends, the rest stays zero.</summary>
    private void ReadRun(long place, long[] starts, Span<byte> target)
    {
        var found = Array.BinarySearch(starts, place);
        var source = found < 0 ? ~found - 1 : found;
        var first = place - starts[source];
        var count = (int)Math.Min(Run, _sources[source].Count - first);
        _sources[source].Read(first, count, target).CopyTo(target);
    }

    private bool TryGather(long low, long high)
    {
        var most = Math.Min(MostGathered, _total / 16);
        long total = 0;
        Workers.For(_chunks.Count, i =>
        {
            if (Volatile.Read(ref total) > most)
                return;
            using var lease = TensorChunks.Rent();
            using var insideLease = TensorChunks.Rent();
            var chunk = _chunks[i];
            var keys = _sources[chunk.Tensor].Read(chunk.First, chunk.Count, lease.Buffer);
            _counts[i] = WindowKernel.Gather(keys, _width, low, high, insideLease.Buffer);
            _gathered[i] = new GatheredKeys(insideLease.Buffer.AsSpan(0, _counts[i].Inside * _width).ToArray(), _width);
            Interlocked.Add(ref total, _counts[i].Inside);
        });
        return total <= most;
    }

    /// <summary>Limits of the weights from limits of what was gathered of each piece.</summary>
    private KeyLimit[] Limits(KeyLimit[] pieces)
    {
        var key = pieces[0].Key;
        var ends = new long[_sources.Count];
        var figures = new KeyFigures[_sources.Count];
        var tiesGoOn = true;
        for (var i = 0; i < _chunks.Count; i++)
        {
            var (chunk, pruned) = (_chunks[i], _gathered[i].CountBelow(pieces[i]));
            if (tiesGoOn)
                ends[chunk.Tensor] = chunk.First + TieEnd(chunk, _gathered[i], pieces[i]);
            tiesGoOn &= pieces[i].TieEnd == _gathered[i].Count;
            figures[chunk.Tensor] = figures[chunk.Tensor].Add(_counts[i].Below + pruned, _counts[i].Zeros, _counts[i].Largest);
        }
        return [.. ends.Select((end, s) => new KeyLimit(key, end) { Figures = figures[s] })];
    }

    private int TieEnd(TensorChunk chunk, GatheredKeys gathered, KeyLimit limit)
    {
        if (limit.TieEnd == gathered.Count)
            return chunk.Count;
        using var lease = TensorChunks.Rent();
        var keys = _sources[chunk.Tensor].Read(chunk.First, chunk.Count, lease.Buffer);
        return KthKey.EndOfTies(keys, _width, limit.Key, gathered.CountTies(limit));
    }

    /// <summary>Keys held in memory.</summary>
    private sealed class GatheredKeys(byte[] bytes, int width) : KeySource(bytes.Length / width, width)
    {
        public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch) =>
            bytes.AsSpan((int)first * Width, count * Width);

        /// <summary>How many lie below a limit.</summary>
        public long CountBelow(KeyLimit limit) => MaskKernels.CountAtMost(bytes, Width, limit.Key - 1) + CountTies(limit);

        /// <summary>How many equal the limit's key before its end.</summary>
        public long CountTies(KeyLimit limit) => KthKey.CountEqual(bytes.AsSpan(0, (int)limit.TieEnd * Width), Width, limit.Key);
    }
}
