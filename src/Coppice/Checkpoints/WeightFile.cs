using Coppice.Checkpoints.PyTorch;
using Coppice.Checkpoints.SafeTensors;
using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>One opened file of weights: a whole checkpoint, or a shard of one.</summary>
internal sealed record WeightFile(MappedFile File, CheckpointFormat Format, IReadOnlyList<TensorSource> Tensors) : IDisposable
{
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>What the pickle of a PyTorch file holds around the tensors.</summary>
    public TorchStructure? Structure { get; init; }

    /// <summary>Opens a file by what it contains, whatever its name.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or no checkpoint.</exception>
    public static WeightFile Open(string path)
    {
        var file = Map(path);
        try
        {
            return Detect(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Dispose();

    private static MappedFile Map(string path)
    {
        try
        {
            return new MappedFile(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"the file can't be opened ({error.Message.TrimEnd('.')})",
                "Check the path and its permissions.", error);
        }
    }

    private static WeightFile Detect(MappedFile file)
    {
        if (file.Length == 0)
            throw new CheckpointException(file.Path, "the file is empty", "Download or save it again.");
        var start = file.Slice(0, (int)Math.Min(file.Length, 64));
        if (ZipDirectory.Begins(start))
            return TorchFile.OpenZip(file);
        if (SafeTensorsFile.Begins(start))
            return SafeTensorsFile.Open(file);
        if (TorchFile.BeginsWithPickle(start))
            return TorchFile.OpenLegacy(file);
        if (file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            return SafeTensorsFile.Open(file);
        throw new CheckpointException(file.Path, "this is neither a safetensors nor a PyTorch file",
            start.StartsWith("version https://git-lfs"u8)
            ? "It is a Git LFS pointer: run git lfs pull."
            : "Give a Hugging Face folder, a .safetensors file, or a file that torch.save wrote.");
    }
}
