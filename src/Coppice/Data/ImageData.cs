namespace Coppice.Data;

/// <summary>Labelled images of one size, as bytes: [count, channels, height, width].</summary>
/// <remarks>Reads CIFAR's binary files and MNIST's idx files; see <see cref="Read"/>.</remarks>
public sealed class ImageData
{
    private readonly byte[] _pixels;

    /// <summary>Holds these images.</summary>
    /// <param name="pixels">[count, channels, height, width].</param>
    /// <param name="labels">[count]: each image's class.</param>
    /// <param name="classNames">A name per class.</param>
    /// <param name="channels">1 for grey, 3 for red, green and blue.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <exception cref="ArgumentException">The sizes do not agree, there is no image, or a label is no class.</exception>
    public ImageData(byte[] pixels, int[] labels, IReadOnlyList<string> classNames, int channels, int height, int width)
    {
        if (labels.Length == 0 || pixels.LongLength != (long)labels.Length * channels * height * width)
            throw new ArgumentException(
                $"{pixels.LongLength} bytes are not {labels.Length} images of {channels} x {height} x {width}; at least one is needed.",
                    nameof(pixels));
        if (Array.FindIndex(labels, label => label < 0 || label >= classNames.Count) is >= 0 and var wrong)
            throw new ArgumentException($"Image {wrong} has class {labels[wrong]}; there are {classNames.Count} classes.", nameof(labels));
        (_pixels, Labels, ClassNames, Channels, Height, Width) = (pixels, labels, classNames, channels, height, width);
    }

    /// <summary>Each image's class.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>A name per class.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Number of images.</summary>
    public int Count => Labels.Count;

    /// <summary>1 for grey, 3 for red, green and blue.</summary>
    public int Channels { get; }

    /// <summary>Rows of an image.</summary>
    public int Height { get; }

    /// <summary>Columns of an image.</summary>
    public int Width { get; }

    /// <summary>The bytes of an image, [channels, height, width].</summary>
    public ReadOnlySpan<byte> Pixels(int image)
    {
        var size = Channels * Height * Width;
        return _pixels.AsSpan(checked(image * size), size);
    }

    /// <summary>The first images alone.</summary>
    public ImageData Take(int count)
    {
        count = Math.Min(count, Count);
        return new(_pixels[..(count * Channels * Height * Width)], [.. Labels.Take(count)], ClassNames, Channels, Height, Width);
    }

    /// <summary>Reads a file: MNIST's images (<c>...-images-idx3-ubyte</c>, perhaps with <c>.gz</c>), else CIFAR-10 or CIFAR-100, told
    /// by its size.</summary>
    /// <exception cref="FileNotFoundException">The file, or that of MNIST's labels beside it, is missing.</exception>
    /// <exception cref="InvalidDataException">The file is malformed; the message names what is wrong.</exception>
    public static ImageData Read(string path)
    {
        if (Path.GetFileName(path).Contains(MnistFiles.ImagesName, StringComparison.Ordinal))
            return MnistFiles.Read(path);
        return CifarFile.Read(path);
    }
}
