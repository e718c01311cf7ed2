using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class ImageDataTests
{
    [Fact]
    public void Read_Cifar10Sample_HasImagesLabelsAndNames()
    {
        var data = ImageData.Read(TestData.InRepository("samples", "data", "cifar10", "test-500.bin"));
        Assert.Equal((500, 3, 32, 32), (data.Count, data.Channels, data.Height, data.Width));
        Assert.Equal("airplane", data.ClassNames[0]);
        Assert.Equal(59, data.Labels.Count(label => label == 0));
    }

    [Fact]
    public void Read_MnistSample_HasImagesAndLabels()
    {
        var data = ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz"));
        Assert.Equal((10_000, 1, 28, 28), (data.Count, data.Channels, data.Height, data.Width));
        Assert.Equal([7, 2, 1, 0, 4], data.Labels.Take(5));
    }

    [Fact]
    public void Read_Cifar100_TakesTheFineLabel()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "test.bin");
        var bytes = new byte[2 * 3074];
        (bytes[0], bytes[1], bytes[2], bytes[3074 + 1]) = (3, 99, 200, 42);
        File.WriteAllBytes(path, bytes);
        var data = ImageData.Read(path);
        Assert.Equal([99, 42], data.Labels);
        Assert.Equal(100, data.ClassNames.Count);
        Assert.Equal(200, data.Pixels(0)[0]);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(100, 0)]
    [InlineData(3073, 10)]
    public void Read_NoCifarFile_NamesIt(int length, byte label)
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "data.bin");
        var bytes = new byte[length];
        bytes.AsSpan(0, Math.Min(1, length)).Fill(label);
        File.WriteAllBytes(path, bytes);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => ImageData.Read(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("long")]
    [InlineData("huge")]
    [InlineData("magic")]
    [InlineData("labels")]
    public void Read_DamagedMnist_NamesTheFile(string damage)
    {
        using var folder = new TempFolder();
        var images = Path.Combine(folder.Path, "t-images-idx3-ubyte");
        byte[] head = damage switch
        {
            "huge" => [0, 0, 8, 3, 127, 0, 0, 0, 127, 0, 0, 0, 127, 0, 0, 0],
            "magic" => [0, 0, 9, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
            _ => [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        };
        File.WriteAllBytes(images, [.. head, .. new byte[damage switch { "short" => 3, "long" => 5, _ => 4 }]]);
        File.WriteAllBytes(Path.Combine(folder.Path, "t-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, damage == "labels" ? (byte)1 : (byte)2,
            1, 2]);
        Assert.Contains(folder.Path, Assert.Throws<InvalidDataException>(() => ImageData.Read(images)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TruncatedGzip_NamesTheFile()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "t-images-idx3-ubyte.gz");
        File.WriteAllBytes(path, File.ReadAllBytes(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz"))[..5000]);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => ImageData.Read(path)).Message, StringComparison.Ordinal);
    }
}
