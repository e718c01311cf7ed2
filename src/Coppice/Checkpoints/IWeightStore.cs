namespace Coppice.Checkpoints;

/// <summary>Named weights on disk that can be written again with some of them replaced: a <see cref="Checkpoint"/>, or those within a file of
/// another kind. Tensors of a closed store must not be read any more.</summary>
public interface IWeightStore : IDisposable
{
    /// <summary>The path that was opened.</summary>
    string Path { get; }

    /// <summary>How the weights are stored, as people name it: <c>safetensors</c>.</summary>
    string FormatName { get; }

    /// <summary>Paths of the files that hold the tensors.</summary>
    IReadOnlyList<string> WeightFiles { get; }

    /// <summary>All tensors, in the order of the file.</summary>
    IReadOnlyList<TensorSource> Tensors { get; }

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    TensorSource this[string name] { get; }

    /// <summary>Writes a copy with some tensors replaced; it appears complete or not at all.</summary>
    /// <param name="path">Where to write.</param>
    /// <param name="replacements">Tensors to write instead of those of the same name.</param>
    /// <param name="options">Format, overwriting, progress.</param>
    /// <param name="cancellation">A cancelled save leaves nothing behind.</param>
    /// <exception cref="CheckpointException">The output exists, or is the input, or can't hold the tensors.</exception>
    void Save(string path, IEnumerable<TensorSource>? replacements = null, SaveOptions? options = null,
        CancellationToken cancellation = default);
}
