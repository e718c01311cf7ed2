using System.Globalization;

namespace Coppice.Data.Images;

/// <summary>Netpbm's binary grey and colour maps (PGM "P5", PPM "P6") with one byte a sample.</summary>
internal static class NetpbmFile
{
    private const int MaxSample = 255;

    /// <summary>The size, and where the samples begin.</summary>
    /// <exception cref="InvalidDataException">The header is malformed, or samples are not of one byte.</exception>
    public static (RasterSize Size, int Start) ReadHeader(string path, ReadOnlySpan<byte> bytes)
    {
        var channels = bytes.StartsWith("P5"u8) ? 1 : bytes.StartsWith("P6"u8) ? 3 : throw new InvalidDataException(
            $"'{path}', offset 0: a binary PGM (P5) or PPM (P6) is expected; convert the image to one or to PNG.");
        var position = 2;
        var width = Number(path, bytes, ref position);
        var height = Number(path, bytes, ref position);
        var start = position;
        if (Number(path, bytes, ref position) != MaxSample)
            throw new InvalidDataException($"'{path}', offset {start}: the largest sample must be {MaxSample}; convert it to 8 bits.");
        return (new(channels, height, width), position + 1); // a single blank ends the header
    }

    /// <summary>Reads the samples into [channels, height, width]; grey ones go to all channels.</summary>
    /// <exception cref="InvalidDataException">The file does not end with the last sample.</exception>
    public static void ReadPixels(string path, ReadOnlySpan<byte> bytes, int channels, Span<byte> planes)
    {
        var (size, start) = ReadHeader(path, bytes);
        var plane = size.Height * size.Width;
        if (bytes.Length != start + (long)plane * size.Channels)
            throw new InvalidDataException($"'{path}', offset {start}: {(long)plane * size.Channels} samples are announced and "
                + $"{bytes.Length - start} are there; make the file again.");
        for (var channel = 0; channel < channels; channel++)
            for (var pixel = 0; pixel < plane; pixel++)
                planes[channel * plane + pixel] = bytes[start + pixel * size.Channels + (size.Channels == 1 ? 0 : channel)];
    }

    /// <summary>The next decimal number behind blanks and comments (from # to the end of the line).</summary>
    private static int Number(string path, ReadOnlySpan<byte> bytes, ref int position)
    {
        var isComment = false;
        while (position < bytes.Length && (isComment || !char.IsAsciiDigit((char)bytes[position])))
        {
            isComment = bytes[position] == '#' || isComment && bytes[position] != '\n';
            if (!isComment && !" \t\r\n\v\f"u8.Contains(bytes[position]))
                break;
            position++;
        }
        var start = position;
        while (position < bytes.Length && char.IsAsciiDigit((char)bytes[position]))
            position++;
        return position < bytes.Length
            && int.TryParse(bytes[start..position], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new InvalidDataException($"'{path}', offset {start}: a size or the largest sample is expected; the header is damaged.");
    }
}
