namespace Coppice.Tensors.Tests;

public sealed class MappedFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Slice_WithinFile_IsItsBytes()
    {
        File.WriteAllBytes(_path, [1, 2, 3, 4]);
        using var file = new MappedFile(_path);
        Assert.Equal(4, file.Length);
        Assert.Equal([2, 3], file.Slice(1, 2).ToArray());
        Assert.Equal([4], Read(file, 3, 1));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(3, 2)]
    [InlineData(0, -1)]
    [InlineData(long.MaxValue, 1)]
    public void Slice_OutsideFile_Throws(long offset, int length)
    {
        File.WriteAllBytes(_path, [1, 2, 3, 4]);
        using var file = new MappedFile(_path);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(offset, length).Length);
    }

    [Fact]
    public void Open_EmptyFile_HasNoBytes()
    {
        using var file = new MappedFile(_path);
        Assert.Equal(0, file.Length);
        Assert.True(file.Slice(0, 0).IsEmpty);
    }

    [Fact]
    public void Slice_BeyondTwoGigabytes_IsRead()
    {
        const long far = 5L << 30;
        using (var handle = File.OpenHandle(_path, FileMode.Open, FileAccess.Write))
            RandomAccess.Write(handle, [7], far); // sparse: takes no space
        using var file = new MappedFile(_path);
        Assert.Equal([0, 7], file.Slice(far - 1, 2).ToArray());
    }

    [Fact]
    public void Slice_AfterDispose_Throws()
    {
        File.WriteAllBytes(_path, [1]);
        var file = new MappedFile(_path);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Slice(0, 1).Length);
    }

    private static byte[] Read(MappedFile file, long offset, int length)
    {
        var bytes = new byte[length];
        file.Read(offset, bytes);
        return bytes;
    }
}
