namespace Coppice.Checkpoints;

/// <summary>How a checkpoint is written.</summary>
public sealed record SaveOptions
{
    /// <summary>The format to write; null keeps the source's (for a single file: the one its new extension names, where it names
    /// one).</summary>
    public CheckpointFormat? Format { get; init; }

    /// <summary>Most bytes of tensors in one file of a folder; null keeps the source's shards. A larger tensor gets a file of its
    /// own.</summary>
    public long? MaxShardBytes { get; init; }

    /// <summary>Of a folder: files beside the weights, by name, that are written in the place of the source's or added.</summary>
    public IReadOnlyDictionary<string, byte[]> Beside { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>Of a folder: files beside the weights, by name, that are not copied, for they would be stale.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];

    /// <summary>Whether an existing output may be replaced. The input never is.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Told the bytes of tensors written so far, from any thread, never decreasing.</summary>
    public IProgress<long>? Progress { get; init; }
}
