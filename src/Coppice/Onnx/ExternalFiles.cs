using System.Globalization;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Files beside a model that hold its larger tensors. Opened when first asked for.</summary>
internal sealed class ExternalFiles(string modelPath) : IDisposable
{
    private const string Remedy = "Keep the model's files together as they were exported.";

    private readonly Dictionary<string, MappedFile> _open = [];
    private readonly string _folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;

    public string ModelPath => modelPath;

    /// <summary>The bytes that a tensor's entries (location, offset, length) point to.</summary>
    /// <exception cref="OnnxException">
    /// The location leaves the model's folder or does not exist, or the range is not within the file.
    /// </exception>
    public ByteBlock Open(string tensor, IReadOnlyList<StringStringEntryProto> entries, long byteLength)
    {
        string? Value(string key) => entries.FirstOrDefault(entry => entry.Key == key)?.Value;
        var location = Value("location");
        if (string.IsNullOrEmpty(location) || Path.IsPathRooted(location) || location.Contains(':')
            || location.Split('/', '\\').Contains(".."))
            throw Wrong(tensor, $"'{location}' is no path of a file below the model's folder");
        var file = Open(tensor, location);
        var offset = Value("offset") is { } text ? Number(tensor, text) : 0;
        var length = Value("length") is { } size ? Number(tensor, size) : byteLength;
        if (offset > file.Length || length > file.Length - offset)
            throw Wrong(tensor, $"bytes {offset}..{offset}+{length} are not within '{location}', which has {file.Length}");
        return new MappedBlock(file, offset, length);
    }

    public void Dispose()
    {
        foreach (var file in _open.Values)
            file.Dispose();
        _open.Clear();
    }

    private MappedFile Open(string tensor, string location)
    {
        var path = Path.Combine(_folder, location);
        lock (_open)
        {
            if (_open.TryGetValue(path, out var file))
                return file;
            try
            {
                return _open[path] = new MappedFile(path);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw Wrong(tensor, $"'{location}' can't be read: {error.Message.TrimEnd('.')}", error);
            }
        }
    }

    private long Number(string tensor, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Wrong(tensor, $"'{text}' is no offset or length of external data");

    private OnnxException Wrong(string tensor, string problem, Exception? cause = null) =>
        new(modelPath, $"tensor '{tensor}': {problem}", Remedy, cause);
}
