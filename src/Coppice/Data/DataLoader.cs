using System.Collections.Concurrent;

namespace Coppice.Data;

/// <summary>Gives data out in batches, made ahead on a background thread while the step before runs.</summary>
/// <remarks>
/// What a batch holds depends on the data, the options and its place (epoch, number) alone: not on threads, on prefetching, or on which
/// batches came before. So a run resumed in the middle of an epoch sees exactly what it would have seen. The receiver disposes each batch.
/// </remarks>
public sealed class DataLoader
{
    private readonly TrainingData _data;
    private readonly DataLoaderOptions _options;

    /// <summary>A loader of this data.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ArgumentException">The data is smaller than a batch, and smaller batches are to be dropped.</exception>
    public DataLoader(TrainingData data, DataLoaderOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Prefetch);
        if (options.DropLast && data.Count < options.BatchSize)
            throw new ArgumentException($"The data has {data.Count} examples and no whole batch of {options.BatchSize}; "
                + "give more data or a smaller batch size, or don't drop the last batch.", nameof(options));
        (_data, _options) = (data, options);
    }

    /// <summary>Number of batches in a training epoch; at least 1.</summary>
    public int BatchesPerEpoch => _options.DropLast ? _data.Count / _options.BatchSize : BatchesInOrder;

    private int BatchesInOrder => (int)(((long)_data.Count + _options.BatchSize - 1) / _options.BatchSize);

    /// <summary>An epoch of training, shuffled and augmented, or the rest of one.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="firstBatch">Number of the first batch wanted; at <see cref="BatchesPerEpoch"/> none is left.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such epoch or batch.</exception>
    public IEnumerable<TrainingBatch> Batches(int epoch, int firstBatch = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBatch, BatchesPerEpoch);
        return Prefetched(Epoch(new EpochSeed(_options.Seed, epoch), firstBatch));
    }

    /// <summary>Every example once, in order and as it is, to evaluate on. The last batch may be smaller than the others.</summary>
    public IEnumerable<TrainingBatch> InOrder() =>
        Prefetched(Enumerable.Range(0, BatchesInOrder).Select(batch => Load(Positions(batch), null)));

    private IEnumerable<TrainingBatch> Epoch(EpochSeed seed, int firstBatch)
    {
        var order = _options.Shuffle ? seed.Order(_data.Count) : null;
        for (var batch = firstBatch; batch < BatchesPerEpoch; batch++)
        {
            var positions = Positions(batch);
            yield return Load(order is null ? positions : Array.ConvertAll(positions, position => order[position]), seed);
        }
    }

    private int[] Positions(int batch)
    {
        var first = batch * _options.BatchSize;
        return [.. Enumerable.Range(first, Math.Min(_options.BatchSize, _data.Count - first))];
    }

    private TrainingBatch Load(int[] examples, EpochSeed? augmentation)
    {
        var batch = _data.Load(examples, augmentation);
        batch.Detach();
        return batch;
    }

    private IEnumerable<TrainingBatch> Prefetched(IEnumerable<TrainingBatch> batches) => _options.Prefetch == 0 ? batches : Ahead(batches);

    private IEnumerable<TrainingBatch> Ahead(IEnumerable<TrainingBatch> batches)
    {
        using var stop = new CancellationTokenSource();
        using var ready = new BlockingCollection<TrainingBatch>(_options.Prefetch);
        var filling = Task.Factory.StartNew(() => Fill(ready, batches, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        try
        {
            foreach (var batch in ready.GetConsumingEnumerable())
                yield return batch;
            filling.GetAwaiter().GetResult(); // throws what loading threw
        }
        finally
        {
            stop.Cancel();
            Task.WaitAny(filling);
            while (ready.TryTake(out var unused))
                unused.Dispose();
        }
    }

    private static void Fill(BlockingCollection<TrainingBatch> ready, IEnumerable<TrainingBatch> batches, CancellationToken stop)
    {
        try
        {
            foreach (var batch in batches)
                if (!TryAdd(ready, batch, stop))
                    return;
        }
        finally
        {
            ready.CompleteAdding();
        }
    }

    private static bool TryAdd(BlockingCollection<TrainingBatch> ready, TrainingBatch batch, CancellationToken stop)
    {
        try
        {
            ready.Add(batch, stop);
            return true;
        }
        catch (OperationCanceledException)
        {
            batch.Dispose(); // nobody wants it any more
            return false;
        }
    }
}
