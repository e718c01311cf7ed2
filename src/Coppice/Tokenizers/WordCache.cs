using System.Collections.Concurrent;

namespace Coppice.Tokenizers;

/// <summary>Remembers the ids of short words already seen. Thread-safe; stops growing when full.</summary>
internal sealed class WordCache
{
    private const int MaxWords = 1 << 16;
    private const int MaxLength = 64;

    private readonly ConcurrentDictionary<string, int[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _count;

    public WordCache() => _bySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> ids)
    {
        var found = _bySpan.TryGetValue(word, out var array);
        ids = array;
        return found;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (word.Length <= MaxLength && _count < MaxWords && _bySpan.TryAdd(word, ids.ToArray()))
            Interlocked.Increment(ref _count);
    }
}
