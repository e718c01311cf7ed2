using System.Globalization;
using Coppice.Checkpoints;

namespace Coppice.Onnx;

/// <summary>Where tensors lie in the one file that is written beside a model.</summary>
/// <param name="location">That file's name.</param>
internal sealed class ExternalLayout(string location)
{
    /// <summary>A memory page on all systems, so that a reader can map tensors one by one.</summary>
    private const long Alignment = 4096;

    private readonly Dictionary<TensorProto, (long Offset, TensorSource Source)> _places = [];
    private long _end;

    /// <summary>Whether no tensor has a place yet.</summary>
    public bool IsEmpty => _places.Count == 0;

    /// <summary>Puts a tensor behind those before it.</summary>
    public void Add(TensorProto tensor)
    {
        var source = tensor.Source();
        var offset = (_end + Alignment - 1) / Alignment * Alignment;
        if (_places.TryAdd(tensor, (offset, source)))
            _end = offset + source.ByteLength;
    }

    /// <summary>Place of a tensor, or null where it is part of the model file.</summary>
    public (long Offset, TensorSource Source)? Find(TensorProto tensor) => _places.TryGetValue(tensor, out var place) ? place : null;

    /// <summary>The entries that a model file has for a place.</summary>
    public IEnumerable<StringStringEntryProto> Entries((long Offset, TensorSource Source) place) =>
    [
        new() { Key = "location", Value = location },
        new() { Key = "offset", Value = place.Offset.ToString(CultureInfo.InvariantCulture) },
        new() { Key = "length", Value = place.Source.ByteLength.ToString(CultureInfo.InvariantCulture) },
    ];

    /// <summary>Writes the file.</summary>
    public void Write(string path)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        foreach (var (offset, source) in _places.Values)
        {
            stream.Position = offset;
            Wire.WireWriter.Copy(new SourceBlock(source), stream);
        }
    }
}
