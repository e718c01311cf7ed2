using System.IO.Compression;
using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class GzipSizeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_File_IsTheLengthOfItsGzip()
    {
        var path = TestData.InRepository("samples", "data", "tinyshakespeare-test.txt");
        using var gzipped = new MemoryStream();
        using (var gzip = new GZipStream(gzipped, CompressionLevel.Optimal, leaveOpen: true))
        using (var file = File.OpenRead(path))
            file.CopyTo(gzip);
        var size = GzipSize.Of(path);
        Assert.Equal((1, new FileInfo(path).Length), (size.Files, size.Bytes));
        // The pieces in which deflate is fed may move a block's end by a few bytes.
        Assert.InRange(size.CompressedBytes, gzipped.Length - 64, gzipped.Length + 64);
    }

    [Fact]
    public void Of_Zeros_IsFarSmallerThanNoise()
    {
        var noise = new byte[200_000];
        new Random(1).NextBytes(noise);
        var zeros = GzipSize.Of(_folder.Write("zeros", new byte[200_000]));
        Assert.Equal(200_000, zeros.Bytes);
        Assert.InRange(zeros.CompressedBytes, 20, 1_000);
        Assert.InRange(GzipSize.Of(_folder.Write("noise", noise)).CompressedBytes, 200_000, 201_000);
    }

    [Fact]
    public void Of_Folder_SumsFilesAndSubfoldersButNotLinkedFolders()
    {
        var a = GzipSize.Of(_folder.Write("a.bin", "some bytes"u8));
        var b = GzipSize.Of(_folder.Write("sub/b.bin", new byte[5000]));
        var empty = GzipSize.Of(_folder.Write("sub/empty", []));
        if (!OperatingSystem.IsWindows())
            Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "sub", "up"), _folder.Path);
        var all = new GzipSize(3, a.Bytes + b.Bytes, a.CompressedBytes + b.CompressedBytes + empty.CompressedBytes);
        Assert.Equal(all, GzipSize.Of(_folder.Path));
    }

    [Fact]
    public void Of_NothingThere_Throws()
    {
        Assert.Throws<FileNotFoundException>(() => GzipSize.Of(_folder.Path));
        Assert.Throws<FileNotFoundException>(() => GzipSize.Of(Path.Combine(_folder.Path, "none")));
    }

    [Fact]
    public void Of_Cancelled_Throws() => Assert.Throws<OperationCanceledException>(
        () => GzipSize.Of(_folder.Write("a", new byte[10]), new CancellationToken(canceled: true)));
}
