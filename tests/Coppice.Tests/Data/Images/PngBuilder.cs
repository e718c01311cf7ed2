using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Coppice.Checkpoints.PyTorch;

namespace Coppice.Tests.Data.Images;

/// <summary>Puts PNG files together, sound ones and others.</summary>
internal static class PngBuilder
{
    public static readonly byte[] Signature = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>A file with one chunk of pixels: for each row a filter byte and the samples.</summary>
    public static byte[] Create(int width, int height, byte bitDepth, byte colourType, byte[] rows, byte[]? palette = null,
        byte interlace = 0) =>
    [
        .. Signature, .. Header(width, height, bitDepth, colourType, interlace),
        .. palette is null ? [] : Chunk("PLTE", palette), .. Chunk("IDAT", Pack(rows)), .. Chunk("IEND", []),
    ];

    public static byte[] Header(int width, int height, byte bitDepth, byte colourType, byte interlace = 0) =>
        Chunk("IHDR", [.. BigEndian(width), .. BigEndian(height), bitDepth, colourType, 0, 0, interlace]);

    public static byte[] Chunk(string type, byte[] content)
    {
        byte[] summed = [.. Encoding.ASCII.GetBytes(type), .. content];
        return [.. BigEndian(content.Length), .. summed, .. BigEndian((int)Crc32.Of(summed))];
    }

    public static byte[] Pack(byte[] rows)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal))
            zlib.Write(rows);
        return packed.ToArray();
    }

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
