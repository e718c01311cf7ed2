using Coppice.Data.Images;
using static Coppice.Tests.Data.Images.PngBuilder;

namespace Coppice.Tests.Data.Images;

public sealed class PngFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("rgb-filter0")]
    [InlineData("rgb-filter1")]
    [InlineData("rgb-filter2")]
    [InlineData("rgb-filter3")]
    [InlineData("rgb-filter4")]
    [InlineData("rgb-alpha")]
    public void ReadPixels_ColourFileOfAnotherEncoder_GivesItsPlanes(string name)
    {
        var (size, pixels) = Read(TestData.InRepository("tests", "Golden", "images", name + ".png"));
        Assert.Equal(new RasterSize(3, 9, 13), size);
        Assert.Equal(Formula(channel => channel), pixels);
    }

    [Theory]
    [InlineData("grey")]
    [InlineData("grey-alpha")]
    public void ReadPixels_GreyFileOfAnotherEncoder_GivesItsPlane(string name)
    {
        var path = TestData.InRepository("tests", "Golden", "images", name + ".png");
        var (size, pixels) = Read(path);
        Assert.Equal(new RasterSize(1, 9, 13), size);
        Assert.Equal(Formula(_ => 0)[..(9 * 13)], pixels);
        var coloured = new byte[3 * 9 * 13];
        RasterFile.ReadPixels(path, size with { Channels = 3 }, coloured);
        Assert.Equal(Formula(_ => 0), coloured);
    }

    [Theory]
    [InlineData(1, 0b1011_0110, 0b1_1111111, new byte[] { 255, 0, 255, 255, 0, 255, 255, 0, 255 })]
    [InlineData(2, 0b11_10_01_00, 0b01_111111, new byte[] { 255, 170, 85, 0, 85 })]
    [InlineData(4, 0xF0, 0x17, new byte[] { 255, 0, 17 })]
    public void ReadPixels_GreyOfFewBits_IsScaledTo255(byte bits, byte first, byte second, byte[] expected) =>
        Assert.Equal(expected, Decode(Create(expected.Length, 1, bits, 0, [0, first, second])));

    [Theory]
    [InlineData(2, new byte[] { 0b10_00_01_00 })]
    [InlineData(4, new byte[] { 0x20, 0x10 })]
    [InlineData(8, new byte[] { 2, 0, 1 })]
    public void ReadPixels_Palette_IsLookedUp(byte bits, byte[] row) => Assert.Equal([7, 1, 4, 8, 2, 5, 9, 3, 6],
        Decode(Create(3, 1, bits, 3, [0, .. row], palette: [1, 2, 3, 4, 5, 6, 7, 8, 9])));

    [Fact]
    public void ReadPixels_PixelsInSeveralChunksAndOthersBetween_AreJoined()
    {
        var packed = Pack([0, 10, 20, 1, 30, 40]);
        Assert.Equal([10, 20, 30, 70], Decode(
        [
            .. Signature, .. Header(2, 2, 8, 0), .. Chunk("gAMA", [0, 0, 177, 143]), .. Chunk("IDAT", packed[..3]), .. Chunk("IDAT", []),
            .. Chunk("IDAT", packed[3..]), .. Chunk("tEXt", [65, 0, 66]), .. Chunk("IEND", []),
        ]));
    }

    public static TheoryData<string, byte[], string> Malformed
    {
        get
        {
            var sound = Create(2, 2, 8, 0, [0, 1, 2, 0, 3, 4]);
            var pixels = Signature.Length + 25; // of the chunk of pixels
            byte[] head = [.. Signature, .. Header(2, 2, 8, 0)];
            byte[] end = Chunk("IEND", []);
            return new()
            {
                { "no PNG", "JFIF and so on"u8.ToArray(), "offset 0: it does not begin as a PNG" },
                { "empty", [], "offset 0: it does not begin as a PNG" },
                { "header cut", sound[..20], "offset 8: the chunk that begins here is cut off" },
                { "header changed", Changed(sound, 19), "offset 8: the checksum" },
                { "header missing", [.. Signature, .. sound[pixels..]], "offset 8: the header is expected" },
                { "pixels changed", Changed(sound, pixels + 12), $"offset {pixels}: the checksum" },
                { "pixels cut", sound[..(pixels + 10)], $"offset {pixels}: the chunk that begins here is cut off" },
                { "end missing", sound[..^12], $"offset {sound.Length - 12}: the chunk that begins here is cut off" },
                { "huge chunk", [.. head, 255, 255, 255, 255, .. new byte[20]], "offset 33: the chunk that begins here is cut off" },
                { "no pixels", [.. head, .. end], "can't be unpacked" },
                { "no zlib", [.. head, .. Chunk("IDAT", [1, 2, 3, 4, 5, 6, 7, 8]), .. end], "offset 33: the pixels that begin here" },
                { "few pixels", Create(2, 2, 8, 0, [0, 1, 2, 0, 3]), "can't be unpacked" },
                { "many pixels", Create(2, 2, 8, 0, [0, 1, 2, 0, 3, 4, 5]), "more pixels than the header announces" },
                { "filter", Create(2, 2, 8, 0, [0, 1, 2, 5, 3, 4]), "no filter 5" },
                { "palette missing", Create(2, 1, 8, 3, [0, 0, 0]), "colour 0 and the palette 0 colours" },
                { "palette short", Create(2, 1, 8, 3, [0, 0, 1], [1, 2, 3]), "colour 1 and the palette 1 colours" },
                { "palette of no triples", Create(2, 1, 8, 3, [0, 0, 0], [1, 2]), "triples" },
                { "unknown chunk", [.. head, .. Chunk("XYZW", []), .. end], "offset 33: the chunk 'XYZW'" },
                { "16 bits", Create(1, 1, 16, 0, [0, 1, 2]), "samples of 16 bits" },
                { "no such depth", Create(1, 1, 3, 0, [0, 1]), "colour type 0 with 3 bits" },
                { "no such colours", Create(1, 1, 8, 5, [0, 1]), "colour type 5" },
                { "interlaced", Create(1, 1, 8, 0, [0, 1], interlace: 1), "offset 26: interlacing" },
                { "no width", Create(0, 1, 8, 0, [0]), "0 x 1 pixels" },
                { "huge", Create(1 << 15, 1 << 15, 8, 0, [0]), "32768 x 32768 pixels" },
                { "negative", Create(-1, 1, 8, 0, [0]), "2147483647 x 1 pixels" },
                { "more than the file can hold", Create(1 << 14, 1 << 14, 1, 0, [0]), "can't hold" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void ReadPixels_MalformedFile_NamesFileAndPlace(string name, byte[] bytes, string problem)
    {
        var path = _folder.Write(name + ".png", bytes);
        var message = Assert.Throws<InvalidDataException>(() => Read(path)).Message;
        Assert.StartsWith($"'{path}'", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadPixels_AnyTruncation_IsRefused()
    {
        var sound = Create(3, 2, 8, 2, [1, .. new byte[9], 4, .. new byte[9]]);
        for (var length = 0; length < sound.Length; length++)
            Assert.Throws<InvalidDataException>(() => Decode(sound[..length]));
    }

    private static byte[] Changed(byte[] bytes, int index) => [.. bytes[..index], (byte)~bytes[index], .. bytes[(index + 1)..]];

    private static byte[] Formula(Func<int, int> channelOf) =>
    [
        .. from channel in Enumerable.Range(0, 3)
           from y in Enumerable.Range(0, 9)
           from x in Enumerable.Range(0, 13)
           select (byte)(x * 7 + y * 13 + channelOf(channel) * 50 + x * y),
    ];

    private byte[] Decode(byte[] bytes) => Read(_folder.Write("image.png", bytes)).Pixels;

    private static (RasterSize Size, byte[] Pixels) Read(string path)
    {
        var size = RasterFile.ReadSize(path);
        var pixels = new byte[size.Channels * size.Height * size.Width];
        RasterFile.ReadPixels(path, size, pixels);
        return (size, pixels);
    }
}
