using System.Buffers.Binary;
using Coppice.Tensors;

namespace Coppice.Checkpoints.SafeTensors;

/// <summary>Reads a safetensors file: 8 bytes of header length, a JSON header, then the tensors' bytes without holes.</summary>
internal static class SafeTensorsFile
{
    /// <summary>The format's own limit on the header, in bytes.</summary>
    public const int MaxHeaderBytes = 100_000_000;

    private const string Remedy = "Download or export the file again.";

    /// <summary>Whether the file begins like one: a length that fits 4 bytes, then a JSON object.</summary>
    public static bool Begins(ReadOnlySpan<byte> start) =>
        start.Length > 8 && start[8] == (byte)'{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= uint.MaxValue;

    public static WeightFile Open(MappedFile file)
    {
        var header = SafeTensorsHeader.Parse(file.Path, HeaderBytes(file));
        var start = 8L + HeaderLength(file);
        CheckLayout(file.Path, header.Entries, file.Length - start);
        var block = new MappedBlock(file, start, file.Length - start);
        List<TensorSource> tensors = [.. header.Entries.Select(entry => new FileTensor(entry.Name, entry.DType, entry.Shape, block,
            entry.Begin))];
        var metadata = SplitTies(header.Metadata, tensors);
        return new(file, CheckpointFormat.SafeTensors, tensors) { Metadata = metadata };
    }

    private static ReadOnlySpan<byte> HeaderBytes(MappedFile file) => file.Slice(8, HeaderLength(file));

    private static int HeaderLength(MappedFile file)
    {
        if (file.Length < 8)
            throw new CheckpointException(file.Path, $"{file.Length} bytes are too few for a safetensors file", Remedy);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, 8));
        if (length > MaxHeaderBytes)
            throw new CheckpointException(file.Path, $"the header claims {length} bytes, over the limit of {MaxHeaderBytes}", Remedy);
        if ((long)length > file.Length - 8)
            throw new CheckpointException(file.Path, $"the header claims {length} bytes, but the file ends after {file.Length}", Remedy);
        return (int)length;
    }

    /// <summary>Checks that the tensors cover the data exactly: no range outside it, no overlap, no hole.</summary>
    private static void CheckLayout(string path, IReadOnlyList<SafeTensorsEntry> entries, long dataLength)
    {
        long end = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.End > dataLength)
                throw new CheckpointException(path,
                    $"tensor '{entry.Name}' ends at byte {entry.End} of the data, but the file holds {dataLength}", Remedy);
            if (entry.Begin != end)
                throw new CheckpointException(path, $"tensor '{entry.Name}' begins at byte {entry.Begin} of the data, "
                    + $"{(entry.Begin < end ? "overlapping" : "leaving a hole after")} the tensor before it, which ends at {end}", Remedy);
            end = entry.End;
        }
        if (end != dataLength)
            throw new CheckpointException(path, $"{dataLength - end} bytes at the end belong to no tensor", Remedy);
    }

    /// <summary>
    /// Turns metadata entries "second name": "first name" into a second name of the same bytes, and returns the other entries.
    /// The convention is safetensors.torch.save_model's for the tied tensors it leaves out.
    /// </summary>
    private static Dictionary<string, string> SplitTies(IReadOnlyDictionary<string, string> metadata, List<TensorSource> tensors)
    {
        var byName = tensors.ToDictionary(tensor => tensor.Name);
        var rest = new Dictionary<string, string>();
        foreach (var (key, value) in metadata)
            if (key != "format" && !byName.ContainsKey(key) && byName.TryGetValue(value, out var tensor))
                tensors.Add(new NamedTensor(key, tensor));
            else
                rest.Add(key, value);
        return rest;
    }
}
