using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Checkpoints.Writing;
using Coppice.Tensors;

namespace Coppice.Checkpoints.SafeTensors;

/// <summary>Writes a safetensors file. Tied tensors are written once; the other names go into the metadata.</summary>
internal static class SafeTensorsWriter
{
    /// <summary>Writes a new file at <paramref name="path"/>.</summary>
    /// <exception cref="CheckpointException">The header would exceed the format's limit.</exception>
    public static void Write(string path, IEnumerable<TensorSource> tensors, IReadOnlyDictionary<string, string> metadata,
        StreamingWriter stream)
    {
        var (written, ties) = SplitTies(tensors);
        // Widest elements first keeps every tensor aligned to its element size.
        written = [.. written.OrderByDescending(tensor => tensor.DType.BitSize() / 8)];
        var header = Header(written, ties, metadata);
        if (header.Length - 8 > SafeTensorsFile.MaxHeaderBytes)
            throw new CheckpointException(path,
                $"the header of {written.Count} tensors needs {header.Length - 8} bytes, over the format's limit",
                "Save it in the PyTorch format.");
        var parts = new List<Placement>(written.Count);
        long end = header.Length;
        foreach (var tensor in written)
        {
            parts.Add(new(tensor, end));
            end += tensor.ByteLength;
        }
        using var file = StreamingWriter.Create(path, end);
        RandomAccess.Write(file, header, 0);
        stream.Write(file, parts);
    }

    /// <summary>Tensors to write, and the other names of each that a reader can restore: same bytes, type and shape.</summary>
    internal static (List<TensorSource> Written, Dictionary<string, string> Ties) SplitTies(IEnumerable<TensorSource> tensors)
    {
        var first = new Dictionary<object, TensorSource>();
        List<TensorSource> written = [];
        Dictionary<string, string> ties = [];
        foreach (var tensor in tensors)
            if (first.TryAdd(tensor.Identity, tensor) || !IsAlias(tensor, first[tensor.Identity]))
                written.Add(tensor);
            else
                ties.Add(tensor.Name, first[tensor.Identity].Name);
        return (written, ties);
    }

    private static bool IsAlias(TensorSource tensor, TensorSource first) =>
        tensor.DType == first.DType && tensor.Shape == first.Shape && tensor.Name != "format";

    private static byte[] Header(
        List<TensorSource> tensors, Dictionary<string, string> ties, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteMetadata(json, ties, metadata);
            long offset = 0;
            foreach (var tensor in tensors)
                WriteEntry(json, tensor, ref offset);
            json.WriteEndObject();
        }
        var padded = (buffer.WrittenCount + 7) / 8 * 8;
        var header = new byte[8 + padded];
        BinaryPrimitives.WriteInt64LittleEndian(header, padded);
        buffer.WrittenSpan.CopyTo(header.AsSpan(8));
        header.AsSpan(8 + buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, Dictionary<string, string> ties, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        if (!metadata.ContainsKey("format"))
            json.WriteString("format", "pt"); // Hugging Face code refuses files without it
        foreach (var (key, value) in metadata)
            if (!ties.ContainsKey(key))
                json.WriteString(key, value);
        foreach (var (name, first) in ties)
            json.WriteString(name, first);
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorSource tensor, ref long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", SafeTensorsTypes.NameOf(tensor.DType));
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape.Dims)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset += tensor.ByteLength);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
