using System.Diagnostics.CodeAnalysis;

namespace Coppice.Checkpoints;

/// <summary>The named tensors of a model on disk: a Hugging Face folder, a safetensors file, or a file of <c>torch.save</c>.</summary>
/// <remarks>
/// Opening reads headers alone; files are mapped and tensors are read when asked for, from any thread. Formats are told by content.
/// The tensors of a closed checkpoint must not be read any more.
/// </remarks>
public sealed partial class Checkpoint : IWeightStore
{
    /// <summary>The file of a Hugging Face folder that tells the model's sizes.</summary>
    internal const string ConfigFile = "config.json";

    private readonly IReadOnlyList<WeightFile> _files;
    private readonly HuggingFaceFolder? _folder;
    private readonly OrderedDictionary<string, TensorSource> _tensors = [];

    private Checkpoint(string path, IReadOnlyList<WeightFile> files, HuggingFaceFolder? folder)
    {
        Path = path;
        _files = files;
        _folder = folder;
        foreach (var file in files)
            foreach (var tensor in TensorsOf(file))
                if (!_tensors.TryAdd(tensor.Name, tensor))
                    throw new CheckpointException(file.File.Path, $"tensor '{tensor.Name}' is in another shard too",
                        "Download the folder again.");
        if (folder?.WeightMap.FirstOrDefault(entry => !_tensors.ContainsKey(entry.Key)) is { Key: { } missing, Value: var shard })
            throw new CheckpointException(System.IO.Path.Combine(folder.Path, shard),
                $"tensor '{missing}' is missing, though the index places it here",
                "Download the shard again.");
    }

    /// <summary>The path that was opened.</summary>
    public string Path { get; }

    /// <summary>Whether <see cref="Path"/> is a folder, with configuration and tokenizer beside the weights.</summary>
    public bool IsFolder => _folder is not null;

    /// <summary>Full paths of the files that hold the tensors: one, or the shards in order.</summary>
    public IReadOnlyList<string> WeightFiles => [.. _files.Select(file => file.File.Path)];

    /// <summary>How the weights are stored.</summary>
    public CheckpointFormat Format => _files[0].Format;

    /// <inheritdoc/>
    public string FormatName => Format.ToString().ToLowerInvariant();

    /// <summary>All tensors, in the order of the file; shards one after the other. Tied names are each listed, with equal
    /// <see cref="TensorSource.Identity"/>.</summary>
    public IReadOnlyList<TensorSource> Tensors => _tensors.Values;

    /// <summary>Free text stored with the tensors (safetensors <c>__metadata__</c>, of the first shard); empty for PyTorch files.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files[0].Metadata;

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TensorSource this[string name] => TryGet(name, out var tensor)
        ? tensor
        : throw new KeyNotFoundException($"{Path} has no tensor '{name}'. Run 'coppice inspect' on it to see the names.");

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, [MaybeNullWhen(false)] out TensorSource tensor) => _tensors.TryGetValue(name, out tensor);

    /// <summary>Opens a checkpoint. Only headers are read.</summary>
    /// <param name="path">A Hugging Face folder, or a file in the safetensors or PyTorch format under any name.</param>
    /// <exception cref="CheckpointException">There is nothing at the path, or it is damaged or no checkpoint.</exception>
    public static Checkpoint Open(string path)
    {
        if (!System.IO.Path.Exists(path))
            throw new CheckpointException(path, "there is no such file or folder", "Check the path.");
        var folder = Directory.Exists(path) ? HuggingFaceFolder.Open(path) : null;
        var files = new List<WeightFile>();
        try
        {
            foreach (var file in folder?.WeightFiles ?? [""])
                files.Add(WeightFile.Open(System.IO.Path.Combine(path, file)));
            if (files.Find(file => file.Format != files[0].Format) is { } odd)
                throw new CheckpointException(odd.File.Path, $"this shard is of another format than {files[0].File.Path}",
                    "Download the folder again.");
            return new Checkpoint(path, files, folder);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    /// <summary>The tensors of a file, without those that the index takes from another shard.</summary>
    private IEnumerable<TensorSource> TensorsOf(WeightFile file)
    {
        var name = System.IO.Path.GetFileName(file.File.Path);
        return file.Tensors.Where(tensor => _folder is null || !_folder.WeightMap.TryGetValue(tensor.Name, out var shard) || shard == name);
    }
}
