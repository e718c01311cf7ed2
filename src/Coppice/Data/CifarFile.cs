namespace Coppice.Data;

/// <summary>CIFAR's binary files (Krizhevsky 2009): records of a label byte, or for CIFAR-100 a coarse and a fine one, and 3 planes of
/// 32 x 32 bytes.</summary>
internal static class CifarFile
{
    private const int Side = 32;
    private const int ImageBytes = 3 * Side * Side;

    public static ImageData Read(string path)
    {
        var length = BinaryFile.Length(path);
        var labelBytes = length % (ImageBytes + 1) == 0 ? 1 : length % (ImageBytes + 2) == 0 ? 2 : 0;
        if (length == 0 || labelBytes == 0)
            throw new InvalidDataException(
                $"'{path}' has {length} bytes, ends within record {length / (ImageBytes + 1)} of CIFAR-10 ({ImageBytes + 1} bytes each), "
                + $"or record {length / (ImageBytes + 2)} of CIFAR-100 ({ImageBytes + 2}); give a whole binary file of CIFAR, "
                + $"or an MNIST file with '{MnistFiles.ImagesName}' in its name.");
        var bytes = File.ReadAllBytes(path);
        var record = ImageBytes + labelBytes;
        var names = ClassNames(path, labelBytes == 1 ? 10 : 100);
        var labels = new int[bytes.Length / record];
        var pixels = new byte[labels.Length * ImageBytes];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = bytes[i * record + labelBytes - 1];
            if (labels[i] >= names.Length)
                throw new InvalidDataException($"'{path}': record {i} has label {labels[i]}, not one of {names.Length} classes; "
                    + "the file is damaged or none of CIFAR's.");
            bytes.AsSpan(i * record + labelBytes, ImageBytes).CopyTo(pixels.AsSpan(i * ImageBytes));
        }
        return new(pixels, labels, names, 3, Side, Side);
    }

    /// <summary>From the file of names that CIFAR comes with, where it lies beside the data; else the numbers.</summary>
    private static string[] ClassNames(string path, int count)
    {
        var file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, count == 10 ? "batches.meta.txt" : "fine_label_names.txt");
        string[] names = File.Exists(file) ? [.. File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0)] : [];
        return names.Length == count ? names : [.. Enumerable.Range(0, count).Select(i => i.ToString())];
    }
}
