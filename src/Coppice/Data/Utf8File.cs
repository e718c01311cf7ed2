using System.Text;

namespace Coppice.Data;

/// <summary>Reads text files strictly: size checked before anything is allocated, byte order mark dropped, bad bytes refused.</summary>
internal static class Utf8File
{
    /// <summary>Largest file read whole, in bytes; .NET strings and arrays end a little above it.</summary>
    public const long MaxBytes = 1L << 30;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The file's bytes without a byte order mark; never empty.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty or larger than <see cref="MaxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> Read(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new FileNotFoundException(Directory.Exists(path)
                ? $"'{path}' is a folder; name the text file in it."
                : $"There is no file '{path}'; check the path.", path);
        if (file.Length > MaxBytes)
            throw new InvalidDataException($"'{path}' has {file.Length} bytes; files above {MaxBytes} are not read whole, so split it.");
        // Devices and pipes have length 0 too, and would be read without end.
        ReadOnlyMemory<byte> bytes = file.Length == 0 ? default : File.ReadAllBytes(path);
        if (bytes.Span.StartsWith(Encoding.UTF8.Preamble))
            bytes = bytes[Encoding.UTF8.Preamble.Length..];
        return bytes.IsEmpty ? throw new InvalidDataException($"'{path}' is empty; it must be a file of UTF-8 text.") : bytes;
    }

    /// <summary>Decodes bytes; <paramref name="place"/> (file, line) opens the error.</summary>
    /// <exception cref="InvalidDataException">The bytes are not UTF-8.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes, string place)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{place}: the byte at index {e.Index} is not UTF-8; convert the file to UTF-8 first.", e);
        }
    }
}
