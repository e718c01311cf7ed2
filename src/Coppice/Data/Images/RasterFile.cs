namespace Coppice.Data.Images;

/// <summary>Files of one image each: PNG, or binary PGM and PPM, told by their names.</summary>
internal static class RasterFile
{
    private const int HeaderBytes = 4096;
    private const int MostPixelsOfAByte = 8 * 1032; // 1-bit pixels, and the most that deflate packs into a byte
    private static readonly string[] Netpbm = [".pgm", ".ppm", ".pnm"];
    private static readonly string[] OtherImages = [".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"];

    /// <summary>Whether a file is an image by its name, of whatever format.</summary>
    public static bool IsImage(string path) => IsPng(path) || IsNetpbm(path) || OtherImages.Contains(ExtensionOf(path));

    /// <summary>The size, from the file's first bytes.</summary>
    /// <exception cref="InvalidDataException">The file is malformed or of a kind that is not read.</exception>
    public static RasterSize ReadSize(string path)
    {
        var length = BinaryFile.Length(path);
        using var file = File.OpenRead(path);
        var start = new byte[HeaderBytes];
        var size = SizeIn(path, start.AsSpan(0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)));
        return size.Height * size.Width <= length * MostPixelsOfAByte
            ? size
            : throw new InvalidDataException($"'{path}' announces {size} pixels, which {length} bytes can't hold; it is damaged.");
    }

    /// <summary>Reads the pixels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="size">The size wanted: the file's own, but 3 channels where it may have 1.</param>
    /// <param name="planes">Receives [channels, height, width].</param>
    /// <exception cref="InvalidDataException">The file is malformed or no longer of this size.</exception>
    public static void ReadPixels(string path, RasterSize size, Span<byte> planes)
    {
        BinaryFile.Length(path);
        var bytes = File.ReadAllBytes(path);
        var own = SizeIn(path, bytes);
        if ((own.Height, own.Width) != (size.Height, size.Width) || own.Channels > size.Channels)
            throw new InvalidDataException($"'{path}' changed while it was read; read it again.");
        if (IsPng(path))
            PngFile.ReadPixels(path, bytes, size.Channels, planes);
        else
            NetpbmFile.ReadPixels(path, bytes, size.Channels, planes);
    }

    private static RasterSize SizeIn(string path, ReadOnlySpan<byte> bytes)
    {
        if (!IsPng(path) && !IsNetpbm(path))
            throw new InvalidDataException($"'{path}': images of this kind are not read; convert them to PNG "
                + $"(ImageMagick: mogrify -format png *{ExtensionOf(path)}) and remove the originals.");
        var size = IsPng(path) ? PngFile.ReadHeader(path, bytes).Size : NetpbmFile.ReadHeader(path, bytes).Size;
        return size is { Height: >= 1 and <= RasterSize.MaxSide, Width: >= 1 and <= RasterSize.MaxSide }
            ? size
            : throw new InvalidDataException($"'{path}' announces {size} pixels; 1 to {RasterSize.MaxSide} of each are read.");
    }

    private static bool IsPng(string path) => ExtensionOf(path) == ".png";

    private static bool IsNetpbm(string path) => Netpbm.Contains(ExtensionOf(path));

    private static string ExtensionOf(string path) => Path.GetExtension(path).ToLowerInvariant();
}
