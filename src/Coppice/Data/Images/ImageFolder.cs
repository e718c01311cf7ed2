using Coppice.Tensors.Kernels;

namespace Coppice.Data.Images;

/// <summary>Folders with a folder of images for each class.</summary>
internal static class ImageFolder
{
    /// <summary>Reads all images; see <see cref="ImageData.Read(string)"/>.</summary>
    /// <exception cref="InvalidDataException">A class is empty, an image malformed, or sizes differ.</exception>
    public static ImageData Read(string root)
    {
        string[] classes = [.. Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
            throw new InvalidDataException($"'{root}' is a folder without class folders; name the file of images in it, "
                + "or a folder with a folder of images for each class.");
        (string Path, int Label)[] sorted =
            [.. classes.Index().SelectMany(folder => ImagesIn(folder.Item).Select(path => (path, folder.Index)))];
        var images = Array.ConvertAll(new EpochSeed(0, 0).Order(sorted.Length), i => sorted[i]);
        var size = CommonSize(Array.ConvertAll(sorted, image => image.Path));
        var imageBytes = (long)size.Channels * size.Height * size.Width;
        if (imageBytes * images.Length > Array.MaxLength)
            throw new InvalidDataException($"'{root}' holds {images.Length} images of {imageBytes} bytes; "
                + $"{Array.MaxLength} in all can be held, so make them smaller or fewer.");
        var pixels = new byte[imageBytes * images.Length];
        Workers.For(images.Length, i =>
            RasterFile.ReadPixels(images[i].Path, size, pixels.AsSpan(i * (int)imageBytes, (int)imageBytes)));
        return new(pixels, Array.ConvertAll(images, image => image.Label), Array.ConvertAll(classes, folder => Path.GetFileName(folder)),
            size.Channels, size.Height, size.Width);
    }

    private static string[] ImagesIn(string folder)
    {
        string[] files = [.. Directory.EnumerateFiles(folder).Where(RasterFile.IsImage).Order(StringComparer.Ordinal)];
        return files.Length > 0
            ? files
            : throw new InvalidDataException($"The class folder '{folder}' holds no image; fill or remove it, "
                + "or name the folder whose folders are the classes.");
    }

    /// <summary>The size that all images have; coloured where one of them is.</summary>
    private static RasterSize CommonSize(string[] paths)
    {
        var sizes = new RasterSize[paths.Length];
        Workers.For(paths.Length, i => sizes[i] = RasterFile.ReadSize(paths[i]));
        if (Array.FindIndex(sizes, size => (size.Height, size.Width) != (sizes[0].Height, sizes[0].Width)) is >= 0 and var other)
            throw new InvalidDataException($"'{paths[other]}' is {sizes[other]} pixels and '{paths[0]}' {sizes[0]}; "
                + "bring all images to the size that the model takes.");
        return sizes[0] with { Channels = sizes.Max(size => size.Channels) };
    }
}
