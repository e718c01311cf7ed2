using Coppice.Checkpoints.Writing;

namespace Coppice.Checkpoints;

public sealed partial class Checkpoint
{
    /// <summary>Writes a copy with some tensors replaced, in a stream: memory does not grow with the model.</summary>
    /// <remarks>
    /// A folder is copied whole, with everything beside the weights untouched; copies of the same model in another format are left out,
    /// for they would be stale.
    /// What a PyTorch file holds around its tensors (epochs, optimizer) is written back. Tied names are stored once and stay tied.
    /// The output appears complete or not at all.
    /// </remarks>
    /// <param name="path">Where to write: a folder for a folder, a file for a file.</param>
    /// <param name="replacements">Tensors to write instead of those of the same name. One for a tied tensor stands for all its
    /// names.</param>
    /// <param name="options">Format, shards, overwriting, progress.</param>
    /// <param name="cancellation">Checked for every few megabytes; a cancelled save leaves nothing behind.</param>
    /// <exception cref="ArgumentException">A replacement's name is not in the checkpoint, or is given twice.</exception>
    /// <exception cref="CheckpointException">The output exists, or is the input, or can't hold the tensors.</exception>
    /// <exception cref="IOException">Writing failed, for example because the disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Save(
        string path, IEnumerable<TensorSource>? replacements = null, SaveOptions? options = null,
        CancellationToken cancellation = default) =>
        SaveCopy(path, new Replacements(_tensors, replacements ?? []), options ?? new(), cancellation);

    /// <summary>Writes a copy in which other tensors, of any names, take the place of some: so tensors are renamed, left out or
    /// added.</summary>
    /// <remarks>As the other overload, but a tied name without a change of its own keeps its values. New tensors are tied where their
    /// <see cref="TensorSource.Identity"/> is equal.</remarks>
    /// <param name="path">Where to write: a folder for a folder, a file for a file.</param>
    /// <param name="changes">What to write in the place of the tensor of that name; nothing where the list is empty.</param>
    /// <param name="options">Format, shards, overwriting, progress.</param>
    /// <param name="cancellation">Checked for every few megabytes; a cancelled save leaves nothing behind.</param>
    /// <exception cref="ArgumentException">A name is not in the checkpoint, or two tensors would have the same.</exception>
    /// <inheritdoc cref="Save(string, IEnumerable{TensorSource}, SaveOptions, CancellationToken)" path="/exception"/>
    public void Save(
        string path, IReadOnlyDictionary<string, IReadOnlyList<TensorSource>> changes, SaveOptions? options = null,
        CancellationToken cancellation = default) =>
        SaveCopy(path, new Replacements(_tensors, changes), options ?? new(), cancellation);

    private void SaveCopy(string path, Replacements replaced, SaveOptions options, CancellationToken cancellation)
    {
        RefuseUnsafe(path);
        using var output = new AtomicOutput(path, options.Overwrite);
        var stream = new StreamingWriter(options.Progress, cancellation);
        if (_folder is not null)
            new FolderWriter(_folder, _files, TensorsOf, replaced).Write(output.Temporary, options, stream, cancellation);
        else if (options.MaxShardBytes is not null)
            throw new ArgumentException($"{path}: a single file has no shards; leave MaxShardBytes out.", nameof(options));
        else
            WeightFileWriter.WriteCopy(output.Temporary, _files[0], TensorsOf(_files[0]), replaced,
                OutputFormat(path, options.Format ?? Format, options), stream);
        output.Commit();
    }

    /// <summary>Writes tensors, such as a module's state dict, as a new file.</summary>
    /// <param name="path">The file; <c>.safetensors</c> names that format, anything else PyTorch's, unless the options say
    /// otherwise.</param>
    /// <param name="tensors">The tensors in order; see <see cref="TensorSource.From"/> for tensors in memory.</param>
    /// <param name="options">Format, overwriting, progress.</param>
    /// <param name="cancellation">Checked for every few megabytes; a cancelled save leaves nothing behind.</param>
    /// <exception cref="ArgumentException">Two tensors have one name.</exception>
    /// <inheritdoc cref="Save(string, IEnumerable{TensorSource}, SaveOptions, CancellationToken)"/>
    public static void SaveNew(string path, IEnumerable<TensorSource> tensors, SaveOptions? options = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        var byName = new OrderedDictionary<string, TensorSource>();
        foreach (var tensor in tensors)
            if (!byName.TryAdd(tensor.Name, tensor))
                throw new ArgumentException($"Two tensors are named '{tensor.Name}'.", nameof(tensors));
        using var output = new AtomicOutput(path, options.Overwrite);
        WeightFileWriter.WriteNew(output.Temporary, byName.Values, OutputFormat(path, CheckpointFormat.PyTorch, options),
            new(options.Progress, cancellation));
        output.Commit();
    }

    /// <summary>The format of a single file: as asked, else as its extension says, else the given one.</summary>
    private static CheckpointFormat OutputFormat(string path, CheckpointFormat otherwise, SaveOptions options) =>
        options.Format ?? System.IO.Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".safetensors" => CheckpointFormat.SafeTensors,
            ".bin" or ".pt" or ".pth" or ".th" => CheckpointFormat.PyTorch,
            _ => otherwise,
        };

    private void RefuseUnsafe(string path)
    {
        var output = RealPath(path);
        if (output == RealPath(Path) || _files.Any(file => RealPath(file.File.Path) == output))
            throw new CheckpointException(path, "the output is the input itself", "Choose another name.");
        if (IsInside(RealPath(Path), output) || _folder is not null && IsInside(output, RealPath(Path)))
            throw new CheckpointException(path, "the output and the input lie one inside the other", "Choose a place beside the input.");
        if (Directory.Exists(path) && (_folder is null || !IsReplaceable(path)))
            throw new CheckpointException(path, "this is a folder, and not one that this checkpoint may replace",
                "Choose another name, or remove it.");
        if (File.Exists(path) && _folder is not null)
            throw new CheckpointException(path, "this is a file, but the checkpoint is a folder", "Choose another name.");
    }

    /// <summary>Whether overwriting a folder loses no more than a checkpoint.</summary>
    private static bool IsReplaceable(string path) =>
        !Directory.EnumerateFileSystemEntries(path).Any() || File.Exists(System.IO.Path.Combine(path, ConfigFile));

    private static bool IsInside(string path, string folder) =>
        path.StartsWith(System.IO.Path.TrimEndingDirectorySeparator(folder) + System.IO.Path.DirectorySeparatorChar,
            StringComparison.Ordinal);

    /// <summary>The full path with symbolic links followed, as far as it exists, and without a separator at its end: equal for two spellings of
    /// one place.</summary>
    /// <exception cref="IOException">The links go round in circles.</exception>
    public static string RealPath(string path)
    {
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        FileSystemInfo info = Directory.Exists(full) ? new DirectoryInfo(full) : new FileInfo(full);
        if (info.Exists && info.ResolveLinkTarget(returnFinalTarget: true) is { } target)
            return RealPath(target.FullName);
        return System.IO.Path.GetDirectoryName(full) is { } parent
            ? System.IO.Path.Combine(RealPath(parent), System.IO.Path.GetFileName(full))
            : full;
    }
}
