namespace Coppice.Data;

/// <summary>How a <see cref="DataLoader"/> makes batches.</summary>
public sealed record DataLoaderOptions
{
    /// <summary>Examples of a batch, at least 1.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Decides order and augmentation of all epochs.</summary>
    public long Seed { get; init; }

    /// <summary>Whether each epoch has an order of its own; otherwise it is that of the data.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Leaves out the last batch of a training epoch where it is smaller than the others.</summary>
    public bool DropLast { get; init; }

    /// <summary>How many batches a background thread makes ahead of the one in use; 0 makes each when it is asked for.</summary>
    public int Prefetch { get; init; } = 2;
}
