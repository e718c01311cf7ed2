namespace Coppice.Data;

/// <summary>Checks of files that are read whole.</summary>
internal static class BinaryFile
{
    /// <summary>Largest file, or unpacked content, read whole, in bytes.</summary>
    public const long MaxBytes = 1L << 30;

    /// <summary>A file's length.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is larger than <see cref="MaxBytes"/>.</exception>
    public static long Length(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new FileNotFoundException(Directory.Exists(path)
                ? $"'{path}' is a folder; name the file of images in it."
                : $"There is no file '{path}'; check the path.", path);
        return file.Length <= MaxBytes
            ? file.Length
            : throw new InvalidDataException($"'{path}' has {file.Length} bytes; files above {MaxBytes} are not read whole, so split it.");
    }
}
