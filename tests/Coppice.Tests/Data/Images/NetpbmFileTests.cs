using System.Text;
using Coppice.Data.Images;

namespace Coppice.Tests.Data.Images;

public sealed class NetpbmFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ReadPixels_ColourMap_GivesPlanes() =>
        Assert.Equal([1, 4, 2, 5, 3, 6], Read("i.ppm", [.. "P6 2 1 255\n"u8, 1, 2, 3, 4, 5, 6], 3));

    [Theory]
    [InlineData("P5\n2 2\n255\n")]
    [InlineData("P5 # made by\n#hand\n 2\t2 # 9\r\n255 ")]
    public void ReadPixels_GreyMap_GivesItsSamples(string header) =>
        Assert.Equal([10, 200, 35, 255], Read("i.pgm", [.. Encoding.ASCII.GetBytes(header), 10, 200, 35, 255], 1));

    [Fact]
    public void ReadPixels_GreyAsColour_FillsAllChannels() =>
        Assert.Equal([7, 8, 7, 8, 7, 8], Read("i.PNM", [.. "P5 2 1 255\n"u8, 7, 8], 3));

    [Theory]
    [InlineData("P3 1 1 255\n1 2 3", "offset 0: a binary PGM")]
    [InlineData("", "offset 0: a binary PGM")]
    [InlineData("P5 x", "offset 3: a size")]
    [InlineData("P5 1 1 255", "offset 7: a size")]
    [InlineData("P5 1 -1 255\n.", "offset 5: a size")]
    [InlineData("P5 1 99999999999 255\n.", "offset 5: a size")]
    [InlineData("P5 1 1 65535\n..", "offset 6: the largest sample must be 255")]
    [InlineData("P5 2 2 255\n...", "offset 11: 4 samples are announced and 3 are there")]
    [InlineData("P5 1 2 255\n...", "offset 11: 2 samples are announced and 3 are there")]
    [InlineData("P5 0 2 255\n", "announces 0 x 2 pixels")]
    [InlineData("P5 16384 16384 255\n.", "can't hold")]
    public void ReadPixels_MalformedFile_NamesFileAndPlace(string text, string problem)
    {
        var message = Assert.Throws<InvalidDataException>(() => Read("i.pgm", Encoding.ASCII.GetBytes(text), 1)).Message;
        Assert.Contains("i.pgm'", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
    }

    private byte[] Read(string name, byte[] bytes, int channels)
    {
        var path = _folder.Write(name, bytes);
        var size = RasterFile.ReadSize(path) with { Channels = channels };
        var pixels = new byte[channels * size.Height * size.Width];
        RasterFile.ReadPixels(path, size, pixels);
        return pixels;
    }
}
