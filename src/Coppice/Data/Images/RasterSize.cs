namespace Coppice.Data.Images;

/// <summary>What the header of an image file announces.</summary>
/// <param name="Channels">1 for grey, 3 for red, green and blue.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
internal readonly record struct RasterSize(int Channels, int Height, int Width)
{
    /// <summary>Largest height and width read.</summary>
    public const int MaxSide = 1 << 14;

    public override string ToString() => $"{Width} x {Height}";
}
