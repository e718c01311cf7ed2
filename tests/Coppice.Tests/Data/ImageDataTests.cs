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

    [Fact]
    public void Read_CutCifarFile_NamesTheRecord()
    {
        using var folder = new TempFolder();
        var path = folder.Write("data_batch_1.bin", new byte[3 * 3073 + 5]);
        Assert.Contains("ends within record 3 of CIFAR-10", Assert.Throws<InvalidDataException>(() => ImageData.Read(path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WrongLabels_NamesFileAndRecord()
    {
        using var folder = new TempFolder();
        var path = folder.Write("data.bin", [.. Cifar(1), .. Cifar(12)]);
        Assert.Contains("record 1 has label 12", Assert.Throws<InvalidDataException>(() => ImageData.Read(path)).Message,
            StringComparison.Ordinal);
        path = WriteMnist(folder, "t-", [3, 4, 10]);
        Assert.Contains($"{path}': image 2 has label 10", Assert.Throws<InvalidDataException>(() => ImageData.Read(path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SeveralFiles_ArePutTogetherInOrder()
    {
        using var folder = new TempFolder();
        var first = folder.Write("1.bin", [.. Cifar(1), .. Cifar(2)]);
        var second = folder.Write("2.bin", Cifar(3));
        var data = ImageData.Read([second, first]);
        Assert.Equal([3, 1, 2], data.Labels);
        Assert.Equal([3, 1, 2], Enumerable.Range(0, 3).Select(i => (int)data.Pixels(i)[^1]));
    }

    [Fact]
    public void Read_FilesThatDiffer_NamesThem()
    {
        using var folder = new TempFolder();
        var (cifar, mnist) = (folder.Write("1.bin", Cifar(1)), WriteMnist(folder, "t-", [1]));
        var message = Assert.Throws<InvalidDataException>(() => ImageData.Read([cifar, mnist])).Message;
        Assert.Contains("1 images of 3 x 32 x 32 in 10 classes", message, StringComparison.Ordinal);
        Assert.Contains($"'{mnist}' 1 images of 1 x 1 x 2", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ImageData.Read([]));
    }

    [Fact]
    public void ReadTraining_CifarFolders_TakeTheTrainingFiles()
    {
        using var folder = new TempFolder();
        folder.Write("ten/data_batch_2.bin", Cifar(2));
        folder.Write("ten/data_batch_1.bin", Cifar(1));
        folder.Write("ten/test_batch.bin", Cifar(9));
        Assert.Equal([1, 2], ImageData.ReadTraining(folder["ten"]).Labels);
        folder.Write("hundred/train.bin", [0, .. Cifar(77)]);
        folder.Write("hundred/test.bin", [0, .. Cifar(78)]);
        Assert.Equal([77], ImageData.ReadTraining(folder["hundred"]).Labels);
        Assert.Equal([9], ImageData.ReadTraining(folder["ten/test_batch.bin"]).Labels);
    }

    [Fact]
    public void ReadTraining_MnistFolder_TakesTheTrainingFiles()
    {
        using var folder = new TempFolder();
        WriteMnist(folder, "train-", [5, 6]);
        WriteMnist(folder, "t10k-", [7]);
        Assert.Equal([5, 6], ImageData.ReadTraining(folder.Path).Labels);
        folder.Write("train.bin", [0, .. Cifar(1)]);
        Assert.Contains("holds data sets (train.bin, train-images-idx3-ubyte)",
            Assert.Throws<InvalidDataException>(() => ImageData.ReadTraining(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FolderOfFiles_AsksForOne()
    {
        using var folder = new TempFolder();
        folder.Write("test_batch.bin", Cifar(1));
        Assert.Contains("name the file of images in it", Assert.Throws<InvalidDataException>(() => ImageData.Read(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>A record of CIFAR-10 whose last byte is its label's too.</summary>
    private static byte[] Cifar(byte label) => [label, .. new byte[3071], label];

    private static string WriteMnist(TempFolder folder, string prefix, byte[] labels)
    {
        folder.Write(prefix + "labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, (byte)labels.Length, .. labels]);
        return folder.Write(prefix + "images-idx3-ubyte",
            [0, 0, 8, 3, 0, 0, 0, (byte)labels.Length, 0, 0, 0, 1, 0, 0, 0, 2, .. new byte[2 * labels.Length]]);
    }
}
