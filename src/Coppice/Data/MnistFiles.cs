using System.Buffers.Binary;
using System.IO.Compression;

namespace Coppice.Data;

/// <summary>MNIST's idx files: big-endian sizes behind a magic number, then bytes; plain or gzipped. Labels lie beside the
/// images.</summary>
internal static class MnistFiles
{
    /// <summary>Part of the name of a file of images.</summary>
    public const string ImagesName = "images-idx3-ubyte";

    private const string LabelsName = "labels-idx1-ubyte";
    private const int Classes = 10;

    public static ImageData Read(string path)
    {
        var (sizes, pixels) = ReadIdx(path, 3);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var (counts, labels) = ReadIdx(Path.Combine(folder, Path.GetFileName(path).Replace(ImagesName, LabelsName,
            StringComparison.Ordinal)), 1);
        if (counts[0] != sizes[0] || sizes[0] == 0)
            throw new InvalidDataException(
                $"'{path}' has {sizes[0]} images and {counts[0]} labels beside it; there must be as many, and at least one.");
        if (Array.FindIndex(labels, label => label >= Classes) is >= 0 and var wrong)
            throw new InvalidDataException($"'{path}': image {wrong} has label {labels[wrong]}, not a digit.");
        return new(pixels, Array.ConvertAll(labels, label => (int)label), [.. Enumerable.Range(0, Classes).Select(i => i.ToString())], 1,
            sizes[1], sizes[2]);
    }

    /// <summary>Sizes of the axes and the bytes.</summary>
    private static (int[] Sizes, byte[] Values) ReadIdx(string path, int axes)
    {
        BinaryFile.Length(path);
        using var file = File.OpenRead(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        try
        {
            var header = new byte[4 + 4 * axes];
            content.ReadExactly(header);
            // 8: unsigned bytes.
            if (BinaryPrimitives.ReadInt32BigEndian(header) != (8 << 8 | axes))
                throw new InvalidDataException(
                    $"'{path}' does not begin as an idx file of {axes} axes of bytes; give MNIST's file as it was downloaded.");
            var sizes = new int[axes];
            Int128 count = 1;
            for (var axis = 0; axis < axes; axis++)
            {
                sizes[axis] = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + 4 * axis));
                if (sizes[axis] < 0)
                    throw new InvalidDataException($"'{path}' has an axis of {sizes[axis]}; the file is damaged.");
                count *= sizes[axis];
            }
            return (sizes, ReadValues(path, content, count));
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException($"'{path}' ends before the values its header announces; download it again.", error);
        }
    }

    /// <summary>Reads piece by piece: memory is taken for what the file really holds, whatever its header says.</summary>
    private static byte[] ReadValues(string path, Stream content, Int128 count)
    {
        if (count > BinaryFile.MaxBytes)
            throw new InvalidDataException($"'{path}' announces {count} bytes; above {BinaryFile.MaxBytes} are not read whole.");
        using var values = new MemoryStream();
        var piece = new byte[Math.Min(1 << 20, (int)count + 1)];
        while (values.Length < count)
        {
            var length = (int)Math.Min(piece.Length, (long)count - values.Length);
            content.ReadExactly(piece, 0, length);
            values.Write(piece, 0, length);
        }
        return content.ReadByte() < 0
            ? values.ToArray()
            : throw new InvalidDataException($"'{path}' goes on behind the {count} values its header announces; download it again.");
    }
}
