using Coppice.Data.Images;

namespace Coppice.Data;

/// <summary>Labelled images of one size, as bytes: [count, channels, height, width].</summary>
/// <remarks>Reads CIFAR's binary files, MNIST's idx files and folders of PNG, PGM and PPM; see <see cref="Read(string)"/>.</remarks>
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

    /// <summary>Reads MNIST's images (<c>...-images-idx3-ubyte</c>, perhaps with <c>.gz</c>), CIFAR-10 or CIFAR-100, told by the size of
    /// the file, or a folder with a folder of images for each class.</summary>
    /// <remarks>
    /// Class folders: classes in ordinal order of their names, images as PNG (1 to 8 bits; transparency is ignored), binary PGM or PPM, all
    /// of one size. Grey images among coloured ones become coloured. The images come in a shuffled order that is always the same, so that
    /// the first or last of them are a fair sample.
    /// </remarks>
    /// <param name="path">A file or folder.</param>
    /// <exception cref="FileNotFoundException">The file, or that of MNIST's labels beside it, is missing.</exception>
    /// <exception cref="InvalidDataException">A file is malformed, of another size or kind; the message names it.</exception>
    public static ImageData Read(string path)
    {
        if (Directory.Exists(path))
            return ImageFolder.Read(path);
        if (Path.GetFileName(path).Contains(MnistFiles.ImagesName, StringComparison.Ordinal))
            return MnistFiles.Read(path);
        return CifarFile.Read(path);
    }

    /// <summary>Reads several files or folders as one data set, one behind the other.</summary>
    /// <param name="paths">At least one; each as in <see cref="Read(string)"/>.</param>
    /// <exception cref="InvalidDataException">A file is malformed, or they differ in the images' size or in the classes.</exception>
    /// <inheritdoc cref="Read(string)" path="/exception"/>
    public static ImageData Read(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
            throw new ArgumentException("No file of images is named; name at least one.", nameof(paths));
        var parts = paths.Select(Read).ToArray();
        var first = parts[0];
        var other = Array.FindIndex(parts, part => part.Size != first.Size || !part.ClassNames.SequenceEqual(first.ClassNames));
        if (other >= 0)
            throw new InvalidDataException($"'{paths[0]}' holds {first}, '{paths[other]}' {parts[other]}, or differently named classes; "
                + "only data of one size and with the same classes can be put together.");
        var total = parts.Sum(part => part._pixels.LongLength);
        if (total > Array.MaxLength)
            throw new InvalidDataException($"'{paths[0]}' and others hold {total} bytes; {Array.MaxLength} can be held: name fewer.");
        var pixels = new byte[total];
        var end = 0;
        foreach (var part in parts)
        {
            part._pixels.CopyTo(pixels, end);
            end += part._pixels.Length;
        }
        return new(pixels, [.. parts.SelectMany(part => part.Labels)], first.ClassNames, first.Channels, first.Height, first.Width);
    }

    /// <summary>Reads what there is to train on: of a folder of CIFAR-10 its <c>data_batch_*.bin</c> together, of CIFAR-100
    /// <c>train.bin</c>, of MNIST <c>train-images-idx3-ubyte</c>, perhaps with <c>.gz</c>; else as <see cref="Read(string)"/>.</summary>
    /// <inheritdoc cref="Read(string)" path="/exception"/>
    public static ImageData ReadTraining(string path)
    {
        if (!Directory.Exists(path))
            return Read(path);
        string[] mnist = [Path.Combine(path, $"train-{MnistFiles.ImagesName}"), Path.Combine(path, $"train-{MnistFiles.ImagesName}.gz")];
        string[][] sets =
        [
            [.. Directory.EnumerateFiles(path, "data_batch_*.bin").Order(StringComparer.Ordinal)],
            [.. Directory.EnumerateFiles(path, "train.bin")],
            [.. mnist.Where(File.Exists).Take(1)],
        ];
        string[][] found = [.. sets.Where(files => files.Length > 0)];
        return found.Length switch
        {
            0 => Read(path),
            1 => Read(found[0]),
            _ => throw new InvalidDataException(
                $"'{path}' holds data sets ({string.Join(", ", found.Select(files => Path.GetFileName(files[0])))}); name the files."),
        };
    }

    /// <summary>Form for messages: <c>500 images of 3 x 32 x 32 in 10 classes</c>.</summary>
    public override string ToString() => $"{Count} images of {Channels} x {Height} x {Width} in {ClassNames.Count} classes";

    private (int Channels, int Height, int Width) Size => (Channels, Height, Width);
}
