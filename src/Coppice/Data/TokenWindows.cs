using System.Collections;

namespace Coppice.Data;

/// <summary>A stretch of tokens the model sees at once, and which of them it is scored on.</summary>
/// <param name="Start">Position of the first id in the whole text.</param>
/// <param name="Ids">The token ids the model sees.</param>
/// <param name="FirstTarget">Ids from this index (at least 1) on are scored, each predicted by the logits one position before.</param>
public readonly record struct TokenWindow(int Start, ReadOnlyMemory<int> Ids, int FirstTarget)
{
    /// <summary>How many ids are scored; at least 1.</summary>
    public int Targets => Ids.Length - FirstTarget;
}

/// <summary>A tokenised text cut into windows for perplexity.</summary>
/// <remarks>
/// Window k starts at k * stride and has context ids; the one that reaches the text's end is the last and may be shorter. The first
/// window scores every id but its first. Later ones score only what earlier windows have not shown: their last stride ids when
/// stride &lt; context, every id but the first when stride = context (nothing came before that one). This is the sliding window of
/// Hugging Face's "Perplexity of fixed-length models".
/// </remarks>
public sealed class TokenWindows : IReadOnlyList<TokenWindow>
{
    private readonly ReadOnlyMemory<int> _ids;

    /// <summary>Cuts <paramref name="ids"/> into windows.</summary>
    /// <param name="ids">The text's token ids, at least 2.</param>
    /// <param name="context">Ids per window, at least 2.</param>
    /// <param name="stride">Ids from one window's start to the next's, 1 to <paramref name="context"/>.</param>
    /// <param name="maxWindows">Keep only this many windows from the start, at least 1; null keeps all.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="ArgumentException">There are fewer than 2 ids, so that none can be scored.</exception>
    public TokenWindows(ReadOnlyMemory<int> ids, int context, int stride, int? maxWindows = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, context);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxWindows ?? 1, 1, nameof(maxWindows));
        if (ids.Length < 2)
            throw new ArgumentException($"The text has {ids.Length} tokens; perplexity needs at least 2.", nameof(ids));
        (_ids, Context, Stride) = (ids, context, stride);
        // After window 0, a window exists for each start that leaves it something to score.
        var later = Math.Max(0, ((long)ids.Length - Math.Max(1, context - stride) - 1) / stride);
        Count = (int)Math.Min(later + 1, maxWindows ?? int.MaxValue);
    }

    /// <summary>Ids per window.</summary>
    public int Context { get; }

    /// <summary>Ids from one window's start to the next's.</summary>
    public int Stride { get; }

    /// <summary>Number of windows; at least 1.</summary>
    public int Count { get; }

    /// <summary>One window.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such window.</exception>
    public TokenWindow this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var start = index * Stride;
            var length = Math.Min(Context, _ids.Length - start);
            return new TokenWindow(start, _ids.Slice(start, length), index == 0 ? 1 : Math.Max(1, Context - Stride));
        }
    }

    /// <inheritdoc/>
    public IEnumerator<TokenWindow> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
