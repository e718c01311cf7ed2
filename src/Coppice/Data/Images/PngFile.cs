using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Coppice.Checkpoints.PyTorch;

namespace Coppice.Data.Images;

/// <summary>PNG files (W3C, "Portable Network Graphics", third edition, 2025) of up to 8 bits a sample, not interlaced. Transparency and
/// colour profiles are ignored.</summary>
internal static class PngFile
{
    private const int ChunkFrame = 12; // length, type and CRC
    private const int HeaderLength = 13;
    private static readonly byte[] Signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Reads the header, which every PNG begins with.</summary>
    /// <exception cref="InvalidDataException">The file is no PNG, or of a kind that is not read.</exception>
    public static PngHeader ReadHeader(string path, ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(Signature))
            throw new InvalidDataException($"'{path}', offset 0: it does not begin as a PNG; convert it to one, or remove it.");
        var chunk = ReadChunk(path, bytes, Signature.Length);
        if (chunk.Type != "IHDR" || chunk.Length != HeaderLength)
            throw Refusal(path, Signature.Length, "the header is expected here");
        var fields = bytes.Slice(chunk.Start, HeaderLength);
        var header = new PngHeader(BinaryPrimitives.ReadUInt32BigEndian(fields), BinaryPrimitives.ReadUInt32BigEndian(fields[4..]),
            fields[8], fields[9]);
        if (header.Problem is { } problem)
            throw Refusal(path, chunk.Start + 8, problem);
        if (fields[10] != 0 || fields[11] != 0 || fields[12] != 0)
            throw Refusal(path, chunk.Start + 10, "interlacing, or another compression or filter than PNG's own, is not read");
        return header;
    }

    /// <summary>Reads the pixels into [channels, height, width]; grey ones go to all channels.</summary>
    /// <exception cref="InvalidDataException">The file is malformed; the message names it and the offset.</exception>
    public static void ReadPixels(string path, ReadOnlySpan<byte> bytes, int channels, Span<byte> planes)
    {
        var header = ReadHeader(path, bytes);
        using var compressed = new MemoryStream();
        var (palette, dataOffset) = (header.GreyPalette(), 0);
        Chunk chunk;
        for (var offset = Signature.Length; (chunk = ReadChunk(path, bytes, offset)).Type != "IEND"; offset = chunk.End)
        {
            var content = bytes.Slice(chunk.Start, chunk.Length);
            if (chunk.Type == "IDAT")
            {
                dataOffset = dataOffset == 0 ? offset : dataOffset;
                compressed.Write(content);
            }
            else if (chunk.Type == "PLTE" && header.IsPalette)
                palette = content.Length % 3 == 0 ? content.ToArray() : throw Refusal(path, offset, "a palette must hold triples");
            else if (chunk.Type is not ("IHDR" or "PLTE") && char.IsAsciiLetterUpper(chunk.Type[0]))
                throw Refusal(path, offset, $"the chunk '{chunk.Type}' is not known and needed to show the image");
        }
        compressed.Position = 0;
        try
        {
            using var unpacked = new ZLibStream(compressed, CompressionMode.Decompress);
            PngRows.Read(unpacked, header, palette, channels, planes);
        }
        catch (Exception error) when (error is EndOfStreamException or InvalidDataException)
        {
            throw Refusal(path, dataOffset, $"the pixels that begin here can't be unpacked: {error.Message}");
        }
    }

    private static Chunk ReadChunk(string path, ReadOnlySpan<byte> bytes, int offset)
    {
        var rest = bytes[offset..];
        if (rest.Length < ChunkFrame || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > rest.Length - ChunkFrame)
            throw Refusal(path, offset, "the chunk that begins here is cut off");
        var summed = rest.Slice(4, 4 + (int)length);
        if (Crc32.Of(summed) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
            throw Refusal(path, offset, "the checksum of the chunk that begins here is wrong");
        return new(Encoding.Latin1.GetString(summed[..4]), offset + 8, (int)length);
    }

    private static InvalidDataException Refusal(string path, int offset, string problem) =>
        new($"'{path}', offset {offset}: {problem}; save the image again, or remove it.");

    private readonly record struct Chunk(string Type, int Start, int Length)
    {
        /// <summary>Where the next chunk begins, behind the CRC.</summary>
        public int End => Start + Length + 4;
    }
}
