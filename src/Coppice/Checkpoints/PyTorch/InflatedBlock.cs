using System.IO.Compression;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>A deflated archive entry, inflated into memory when first read and checked against its CRC-32.</summary>
/// <remarks>torch.save never compresses; such archives were packed again by another tool, and do cost memory.</remarks>
internal sealed class InflatedBlock(string path, string entry, ByteBlock compressed, long length, uint crc) : ByteBlock
{
    private readonly Lock _inflating = new();
    private byte[]? _bytes;

    public override long Length => length;

    public override ReadOnlySpan<byte> Slice(long offset, int count)
    {
        if (offset < 0 || count < 0 || offset > length - count)
            throw new ArgumentOutOfRangeException(nameof(offset));
        lock (_inflating)
            _bytes ??= Inflate();
        return _bytes.AsSpan((int)offset, count);
    }

    private byte[] Inflate()
    {
        if (compressed.Length > Array.MaxLength || length > Array.MaxLength)
            throw Error("is too large to inflate in memory");
        var bytes = new byte[length];
        try
        {
            using var stream = new DeflateStream(new MemoryStream(compressed.Slice(0, (int)compressed.Length).ToArray()),
                CompressionMode.Decompress);
            stream.ReadExactly(bytes);
            if (stream.ReadByte() != -1)
                throw Error($"inflates to more than the {length} bytes it claims");
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw Error($"does not inflate to the {length} bytes it claims", error);
        }
        return Crc32.Of(bytes) == crc ? bytes : throw Error("is damaged: its checksum is wrong");
    }

    private CheckpointException Error(string problem, Exception? cause = null) =>
        new(path, $"the compressed entry '{entry}' {problem}", "Download or save the file again.", cause);
}
