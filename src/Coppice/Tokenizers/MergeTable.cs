using System.Buffers;

namespace Coppice.Tokenizers;

/// <summary>Byte-pair merges (Sennrich et al. 2016): which neighbours join, in which order, into which token.</summary>
internal sealed class MergeTable
{
    private readonly Dictionary<long, Merge> _merges = [];

    private readonly record struct Merge(int Rank, int Id);

    /// <param name="merges">Pairs of tokens, the first to be applied first.</param>
    /// <param name="vocabulary">Where both tokens and their concatenation must be.</param>
    /// <param name="source">The file, for errors.</param>
    /// <exception cref="TokenizerException">A merge names a token that the vocabulary does not have.</exception>
    public MergeTable(IEnumerable<(string Left, string Right)> merges, Vocabulary vocabulary, string source)
    {
        var rank = 0;
        foreach (var (left, right) in merges)
        {
            var merge = new Merge(rank, Find(left + right));
            _merges[Key(Find(left), Find(right))] = merge;
            rank++;

            int Find(string token) => vocabulary.TryFind(token, out var id)
                ? id
                : throw new TokenizerException($"{source}: merge {rank + 1}, '{left} {right}', needs the token '{token}', "
                    + "which the vocabulary does not have. Take merges and vocabulary from the same model.");
        }
    }

    /// <summary>Cuts "left right" at its space, of several at the one between two known tokens; null without any.</summary>
    public static (string Left, string Right)? Split(string merge, Vocabulary vocabulary)
    {
        (string Left, string Right)? halves = null;
        for (var i = 1; i < merge.Length - 1; i++)
        {
            if (merge[i] != ' ')
                continue;
            halves = (merge[..i], merge[(i + 1)..]);
            if (vocabulary.TryFind(halves.Value.Left, out _) && vocabulary.TryFind(halves.Value.Right, out _))
                break;
        }
        return halves;
    }

    /// <summary>For each token that is merged, from which two; of several pairs that make it, the first to be applied.</summary>
    public Dictionary<int, (int Left, int Right)> Parts()
    {
        var parts = new Dictionary<int, (int, int)>();
        foreach (var (key, merge) in _merges.OrderBy(entry => entry.Value.Rank))
            parts.TryAdd(merge.Id, ((int)(key >> 32), (int)key));
        return parts;
    }

    /// <summary>Merges neighbours in place, lowest rank first, leftmost among equals; returns how many ids remain in front.</summary>
    /// <remarks>A queue over a linked list: n symbols take O(n log n), however long the word.</remarks>
    public int Apply(Span<int> ids)
    {
        var count = ids.Length;
        if (count < 2)
            return count;
        var links = ArrayPool<int>.Shared.Rent(2 * count);
        var next = links.AsSpan(0, count);
        var previous = links.AsSpan(count, count);
        var queue = new PriorityQueue<int, long>();
        for (var i = 0; i < count; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
            if (i > 0)
                Offer(queue, ids, i - 1, i);
        }
        while (queue.TryDequeue(out var left, out var priority))
        {
            var right = next[left];
            // A pair offered earlier may have changed since; then it was offered anew.
            if (ids[left] < 0 || right >= count || Find(ids[left], ids[right]) is not { } merge || merge.Rank != (int)(priority >> 32))
                continue;
            ids[left] = merge.Id;
            ids[right] = -1;
            next[left] = next[right];
            if (next[left] < count)
            {
                previous[next[left]] = left;
                Offer(queue, ids, left, next[left]);
            }
            if (previous[left] >= 0)
                Offer(queue, ids, previous[left], left);
        }
        ArrayPool<int>.Shared.Return(links);
        return Compact(ids);
    }

    private void Offer(PriorityQueue<int, long> queue, ReadOnlySpan<int> ids, int left, int right)
    {
        if (Find(ids[left], ids[right]) is { } merge)
            queue.Enqueue(left, ((long)merge.Rank << 32) | (uint)left);
    }

    private Merge? Find(int left, int right) => _merges.TryGetValue(Key(left, right), out var merge) ? merge : null;

    private static int Compact(Span<int> ids)
    {
        var kept = 0;
        foreach (var id in ids)
            if (id >= 0)
                ids[kept++] = id;
        return kept;
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;
}
