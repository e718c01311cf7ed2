namespace Coppice.Pruning.Importance;

/// <summary>Ranking keys of one weight's elements, readable anywhere: non-negative integers of 2, 4 or 8 bytes, the least important
/// smallest.</summary>
/// <remarks>A sign bit may be set and is ignored. Thread-safe.</remarks>
internal abstract class KeySource(long count, int width)
{
    /// <summary>Number of elements.</summary>
    public long Count { get; } = count;

    /// <summary>Bytes per key.</summary>
    public int Width { get; } = width;

    /// <summary>Whether a few keys anywhere are read quickly.</summary>
    public virtual bool ReadsAnywhere => false;

    /// <summary>Keys of some consecutive elements; <paramref name="scratch"/> has room for them.</summary>
    public abstract ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch);
}

/// <summary>Prune where key &lt; <paramref name="Key"/>, or key = <paramref name="Key"/> at a flat index below
/// <paramref name="TieEnd"/>.</summary>
internal readonly record struct KeyLimit(long Key, long TieEnd)
{
    /// <summary>What finding the limit told of the weight; null where it told too little.</summary>
    public KeyFigures? Figures { get; init; }
}

/// <summary>Figures of one weight's keys.</summary>
/// <param name="Pruned">Keys that the limit prunes.</param>
/// <param name="Zeros">Keys that are 0.</param>
/// <param name="Largest">The largest key.</param>
internal readonly record struct KeyFigures(long Pruned, long Zeros, long Largest)
{
    /// <summary>These and those of another piece.</summary>
    public KeyFigures Add(long pruned, long zeros, long largest) =>
        new(Pruned + pruned, Zeros + zeros, Math.Max(Largest, largest));
}
