using Coppice.Data;
using Coppice.Tensors.Kernels;
using static Coppice.Tests.Data.Images.PngBuilder;

namespace Coppice.Tests.Data.Images;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_ClassFolders_GivesSortedClassesAndAllImages()
    {
        foreach (var (folder, value) in new[] { ("dog", 1), ("Cat", 2), ("ant", 3) })
            for (var i = 0; i < 20; i++)
                WriteGrey($"{folder}/{i}.png", 2, 1, (byte)(10 * value), (byte)i);
        _folder.Write("dog/Thumbs.db", "no image"u8);
        var data = ImageData.Read(_folder.Path);
        Assert.Equal(["Cat", "ant", "dog"], data.ClassNames);
        Assert.Equal((60, 1, 1, 2), (data.Count, data.Channels, data.Height, data.Width));
        int[] values = [20, 30, 10];
        Assert.All(Enumerable.Range(0, 60), i => Assert.Equal(values[data.Labels[i]], data.Pixels(i)[0]));
        Assert.All(Enumerable.Range(0, 3), label => Assert.Equal(Enumerable.Range(0, 20),
            Enumerable.Range(0, 60).Where(i => data.Labels[i] == label).Select(i => (int)data.Pixels(i)[1]).Order()));
    }

    [Fact]
    public void Read_Order_IsMixedAndAlwaysTheSame()
    {
        for (var i = 0; i < 40; i++)
            WriteGrey($"{(i < 20 ? "a" : "b")}/{i:00}.png", 1, 1, (byte)i);
        var data = ImageData.Read(_folder.Path);
        Assert.InRange(data.Labels.Take(20).Count(label => label == 0), 4, 16);
        var before = Workers.ThreadCount;
        Workers.ThreadCount = 1;
        try
        {
            Assert.Equal(Pixels(data), Pixels(ImageData.Read(_folder.Path)));
        }
        finally
        {
            Workers.ThreadCount = before;
        }
    }

    [Fact]
    public void Read_GreyAmongColoured_BecomesColoured()
    {
        WriteGrey("a/1.png", 1, 1, 77);
        _folder.Write("a/2.ppm", [.. "P6 1 1 255\n"u8, 1, 2, 3]);
        var data = ImageData.Read(_folder.Path);
        Assert.Equal(3, data.Channels);
        Assert.Equal([1, 2, 3, 77, 77, 77], Pixels(data).Chunk(3).OrderBy(pixel => pixel[0]).SelectMany(pixel => pixel));
    }

    [Fact]
    public void Read_OtherSize_NamesTheFile()
    {
        WriteGrey("a/1.png", 2, 2, 1, 2, 3, 4);
        WriteGrey("b/2.png", 2, 1, 1, 2);
        var message = Message();
        Assert.Contains($"'{_folder["b/2.png"]}' is 2 x 1 pixels", message, StringComparison.Ordinal);
        Assert.Contains("2 x 2", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FormatNotRead_SaysWhatToDo()
    {
        _folder.Write("a/photo.JPG", [0xFF, 0xD8]);
        Assert.Contains("mogrify -format png *.jpg", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DamagedImage_NamesTheFile()
    {
        WriteGrey("a/1.png", 1, 1, 1);
        _folder.Write("a/2.png", Create(1, 1, 8, 0, [9, 1]));
        Assert.Contains($"'{_folder["a/2.png"]}', offset", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoClassesOrAnEmptyOne_SaysSo()
    {
        Assert.Contains("without class folders", Message(), StringComparison.Ordinal);
        Directory.CreateDirectory(_folder["a"]);
        Assert.Contains($"'{_folder["a"]}' holds no image", Message(), StringComparison.Ordinal);
    }

    private string Message() => Assert.Throws<InvalidDataException>(() => ImageData.Read(_folder.Path)).Message;

    private static byte[] Pixels(ImageData data) => [.. Enumerable.Range(0, data.Count).SelectMany(i => data.Pixels(i).ToArray())];

    private void WriteGrey(string name, int width, int height, params byte[] pixels) =>
        _folder.Write(name, Create(width, height, 8, 0, [.. pixels.Chunk(width).SelectMany(row => row.Prepend((byte)0))]));
}
