namespace Coppice.Data.Images;

/// <summary>Size and kind of pixels of a PNG.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="BitDepth">Bits of a sample or palette index.</param>
/// <param name="ColourType">0 grey, 2 red-green-blue, 3 palette, 4 grey and alpha, 6 red-green-blue and alpha.</param>
internal readonly record struct PngHeader(uint Width, uint Height, byte BitDepth, byte ColourType)
{
    public bool IsPalette => ColourType == 3;

    public RasterSize Size => new(ColourType is 0 or 4 ? 1 : 3, (int)Math.Min(Height, int.MaxValue), (int)Math.Min(Width, int.MaxValue));

    /// <summary>Samples of a pixel.</summary>
    public int Samples => ColourType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };

    /// <summary>Bytes of a row, the last one perhaps not full.</summary>
    public int RowBytes => checked(((int)Width * Samples * BitDepth + 7) / 8);

    /// <summary>Why the pixels can't be read; null where they can.</summary>
    public string? Problem => (ColourType, BitDepth) switch
    {
        (0 or 3, 1 or 2 or 4 or 8) or (2 or 4 or 6, 8) => null,
        (0 or 2 or 4 or 6, 16) => "samples of 16 bits are not read, only of up to 8",
        _ => $"there are no pixels of colour type {ColourType} with {BitDepth} bits",
    };

    /// <summary>What grey samples mean: red, green and blue of each.</summary>
    public byte[] GreyPalette()
    {
        if (ColourType != 0)
            return [];
        var values = 1 << BitDepth;
        return [.. Enumerable.Range(0, 3 * values).Select(i => (byte)(i / 3 * 255 / (values - 1)))];
    }
}
