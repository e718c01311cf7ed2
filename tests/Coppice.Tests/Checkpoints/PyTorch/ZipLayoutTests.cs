using System.Buffers.Binary;
using System.IO.Compression;
using Coppice.Checkpoints.PyTorch;

namespace Coppice.Tests.Checkpoints.PyTorch;

public sealed class ZipLayoutTests
{
    [Fact]
    public void Add_AnyNames_AlignsContentTo64Bytes()
    {
        var layout = new ZipLayout();
        for (var length = 1; length < 100; length++)
            Assert.Equal(0, layout.Add(new string('x', length), length) % 64);
    }

    [Fact]
    public void Headers_SmallEntries_AreReadByTheFramework()
    {
        var layout = new ZipLayout();
        byte[][] contents = [[1, 2, 3], [], [9]];
        var offsets = contents.Select((content, i) => layout.Add($"e{i}", content.Length)).ToArray();
        var crcs = contents.Select(content => Crc32.Of(content)).ToArray();
        using var bytes = new MemoryStream();
        for (var i = 0; i < contents.Length; i++)
        {
            bytes.Write(layout.LocalHeader(i, crcs[i]).Bytes);
            Assert.Equal(offsets[i], bytes.Position);
            bytes.Write(contents[i]);
        }
        bytes.Write(layout.CentralDirectory(crcs));
        using var zip = new ZipArchive(bytes);
        Assert.Equal(["e0", "e1", "e2"], zip.Entries.Select(entry => entry.FullName));
        using var content = new MemoryStream();
        zip.Entries[0].Open().CopyTo(content);
        Assert.Equal(contents[0], content.ToArray());
    }

    [Fact]
    public void Headers_EntryOverFourGigabytes_AreZip64()
    {
        var layout = new ZipLayout();
        var first = layout.Add("a", 5L << 30);
        var second = layout.Add("b", 1);
        Assert.Equal(0, first % 64);
        Assert.True(second > 5L << 30);
        var (offset, header) = layout.LocalHeader(0, 0);
        Assert.Equal(first, offset + header.Length);
        Assert.Equal(5L << 30, BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(30 + 1 + 4)));
        var directory = layout.CentralDirectory([0, 0]);
        Assert.Equal(layout.End, BinaryPrimitives.ReadInt64LittleEndian(directory.AsSpan(directory.Length - 22 - 20 - 8)));
        Assert.True(directory.AsSpan().IndexOf("PK\x06\x06"u8) > 0);
    }
}
