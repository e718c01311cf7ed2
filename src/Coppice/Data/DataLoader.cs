namespace Coppice.Data;

/// <summary>Batches of a data set.</summary>
public abstract class DataLoader
{
    /// <summary>Batches in one pass.</summary>
    public abstract int BatchesPerEpoch { get; }

    /// <summary>One pass.</summary>
    public abstract IEnumerable<TrainingBatch> Batches(int epoch, int first = 0);
}
