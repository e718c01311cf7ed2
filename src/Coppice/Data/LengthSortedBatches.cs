using System.Collections;

namespace Coppice.Data;

/// <summary>Batches of examples of similar length, so that little work goes into padding.</summary>
/// <remarks>
/// Each batch is a list of positions in the original order. The longest examples come first, so that a run that doesn't fit in memory
/// fails at once; equal lengths keep their order. Only the last batch may be smaller than the others.
/// </remarks>
public sealed class LengthSortedBatches : IReadOnlyList<ReadOnlyMemory<int>>
{
    private readonly int[] _order;
    private readonly int _batchSize;

    /// <summary>Sorts examples by length and cuts them into batches.</summary>
    /// <param name="lengths">Token count of each example.</param>
    /// <param name="batchSize">Examples per batch, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is less than 1.</exception>
    public LengthSortedBatches(IEnumerable<int> lengths, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _batchSize = batchSize;
        _order = [.. lengths.Index().OrderByDescending(example => example.Item).Select(example => example.Index)];
    }

    /// <summary>Number of batches.</summary>
    public int Count => (int)(((long)_order.Length + _batchSize - 1) / _batchSize);

    /// <summary>The original positions of the examples in one batch.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such batch.</exception>
    public ReadOnlyMemory<int> this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var start = index * _batchSize;
            return _order.AsMemory(start, Math.Min(_batchSize, _order.Length - start));
        }
    }

    /// <summary>Puts results that came batch after batch back into the examples' original order.</summary>
    /// <param name="results">One result per example, in the order of the batches.</param>
    /// <exception cref="ArgumentException">There is not exactly one result per example.</exception>
    public T[] InOriginalOrder<T>(IReadOnlyCollection<T> results)
    {
        if (results.Count != _order.Length)
            throw new ArgumentException($"There are {results.Count} results for {_order.Length} examples; give one each.", nameof(results));
        var original = new T[_order.Length];
        foreach (var (rank, result) in results.Index())
            original[_order[rank]] = result;
        return original;
    }

    /// <inheritdoc/>
    public IEnumerator<ReadOnlyMemory<int>> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
