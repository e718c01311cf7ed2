using System.Buffers.Binary;
using System.IO.Compression;
using Coppice.Checkpoints;
using Coppice.Checkpoints.PyTorch;
using Coppice.Tensors;

namespace Coppice.Tests.Checkpoints.PyTorch;

public sealed class ZipDirectoryTests
{
    [Fact]
    public void Content_StoredAndDeflated_IsRead()
    {
        var content = Enumerable.Range(0, 5000).Select(i => (byte)(i / 7)).ToArray();
        Assert.Equal(content, ContentOf(Zip(content, CompressionLevel.NoCompression)));
        Assert.Equal(content, ContentOf(Zip(content, CompressionLevel.Optimal)));
    }

    [Fact]
    public void Open_Zip64Records_AreRead() => Assert.Equal([1, 2, 3], ContentOf(Zip64()));

    [Fact]
    public void Open_NoEndRecord_IsRefused() => AssertRefused(Zip([1, 2, 3])[..^1], "no end record");

    [Fact]
    public void Open_HeaderAlone_IsRefused() => AssertRefused("PK\x03\x04 broken"u8.ToArray(), "no end record");

    [Fact]
    public void Open_DirectoryOutsideFile_IsRefused() =>
        AssertRefused(Changed(Zip([1]), -22 + 16, 0x7fffffff), "central directory does not lie");

    [Fact]
    public void Open_DirectoryDamaged_IsRefused() => AssertRefused(Changed(Zip([1]), -22 + 16, 3), "entry 0 of the central directory");

    [Fact]
    public void Open_MoreEntriesClaimed_IsRefused() =>
        AssertRefused(Changed(Zip([1]), -22 + 10, 2, size: 2), "central directory is damaged");

    [Fact]
    public void Open_TwoEntriesOfOneName_IsRefused()
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.CreateEntry("x").Open().Dispose();
            zip.CreateEntry("x").Open().Dispose();
        }
        AssertRefused(bytes.ToArray(), "two entries 'x'");
    }

    [Fact]
    public void Open_Encrypted_IsRefused() => AssertRefused(ChangedCentral(Zip([1]), 8, 1, size: 2), "encrypted");

    [Fact]
    public void Content_UnknownMethod_IsRefused() => AssertRefused(ChangedCentral(Zip([1]), 10, 12, size: 2), "method 12");

    [Fact]
    public void Content_StoredWithTwoSizes_IsRefused() => AssertRefused(ChangedCentral(Zip([1, 2]), 24, 9), "two sizes differ");

    [Fact]
    public void Content_OffsetElsewhere_IsRefused() => AssertRefused(ChangedCentral(Zip([1]), 42, 5), "no header at byte 5");

    [Fact]
    public void Content_BeyondFile_IsRefused()
    {
        var bytes = ChangedCentral(ChangedCentral(Zip([1]), 20, 1_000_000), 24, 1_000_000);
        AssertRefused(bytes, "does not lie within the file");
    }

    [Fact]
    public void Content_RatioOverLimit_IsRefusedUnread() =>
        AssertRefused(ChangedCentral(Zip(new byte[5000], CompressionLevel.Optimal), 24, 500_000_000), "over the limits");

    [Fact]
    public void Content_InflatesToMore_IsRefused() =>
        AssertRefused(ChangedCentral(Zip(new byte[5000], CompressionLevel.Optimal), 24, 4000), "more than the 4000 bytes");

    [Fact]
    public void Content_InflatesToLess_IsRefused() =>
        AssertRefused(ChangedCentral(Zip(new byte[5000], CompressionLevel.Optimal), 24, 6000), "does not inflate to the 6000");

    [Fact]
    public void Content_WrongChecksum_IsRefused() =>
        AssertRefused(ChangedCentral(Zip(new byte[5000], CompressionLevel.Optimal), 16, 1), "checksum");

    [Fact]
    public void Content_EveryTruncation_IsRefused()
    {
        var whole = Zip([1, 2, 3]);
        for (var length = 1; length < whole.Length; length++)
            Assert.Throws<CheckpointException>(() => ContentOf(whole[..length]));
    }

    [Fact]
    public void Content_EveryDamagedByte_IsReadOrRefused()
    {
        var whole = Zip(Enumerable.Range(0, 200).Select(i => (byte)(i / 9)).ToArray(), CompressionLevel.Optimal);
        for (var at = 0; at < whole.Length; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 0xff;
            var error = Record.Exception(() => ContentOf(damaged));
            Assert.True(error is null or CheckpointException, $"byte {at}: {error}");
        }
    }

    private static byte[] Zip(byte[] content, CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        using (var stream = zip.CreateEntry("x", level).Open())
            stream.Write(content);
        return bytes.ToArray();
    }

    /// <summary>A stored entry whose sizes and offset, and the directory's place, are all in zip64 records.</summary>
    private static byte[] Zip64()
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write([0x50, 0x4b, 3, 4, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. Ones(8), 1, 0, 0, 0, (byte)'x', 1, 2, 3]);
        var directory = bytes.Position;
        writer.Write([0x50, 0x4b, 1, 2, 45, 0, 45, 0, .. new byte[12], .. Ones(8), 1, 0, 28, 0, .. new byte[10], .. Ones(4), (byte)'x', 1,
            0, 24, 0]);
        writer.Write(3L);
        writer.Write(3L);
        writer.Write(0L);
        var end = bytes.Position;
        writer.Write([0x50, 0x4b, 6, 6, 44, 0, 0, 0, 0, 0, 0, 0, 45, 0, 45, 0, .. new byte[8]]);
        writer.Write(1L);
        writer.Write(1L);
        writer.Write(end - directory);
        writer.Write(directory);
        writer.Write([0x50, 0x4b, 6, 7, 0, 0, 0, 0]);
        writer.Write(end);
        writer.Write([1, 0, 0, 0, 0x50, 0x4b, 5, 6, 0, 0, 0, 0, .. Ones(12), 0, 0]);
        return bytes.ToArray();
    }

    private static byte[] Ones(int count) => [.. Enumerable.Repeat((byte)255, count)];

    private static byte[] ChangedCentral(byte[] zip, int field, int value, int size = 4) =>
        Changed(zip, zip.AsSpan().LastIndexOf("PK\x01\x02"u8) + field - zip.Length, value, size);

    /// <summary>Sets a field that is counted from the end of the file.</summary>
    private static byte[] Changed(byte[] zip, int fromEnd, int value, int size = 4)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        bytes[..size].CopyTo(zip.AsSpan(zip.Length + fromEnd));
        return zip;
    }

    private static byte[] ContentOf(byte[] zip)
    {
        using var folder = new TempFolder();
        using var file = new MappedFile(folder.Write("x.zip", zip));
        var content = ZipDirectory.Open(file).Content("x");
        return content.Slice(0, (int)content.Length).ToArray();
    }

    private static void AssertRefused(byte[] zip, string says) =>
        Assert.Contains(says, Assert.Throws<CheckpointException>(() => ContentOf(zip)).Message);
}
