namespace Coppice.Data.Images;

/// <summary>Undoes a PNG's filters and sorts its samples into planes.</summary>
internal static class PngRows
{
    /// <summary>Reads unpacked rows into [channels, height, width].</summary>
    /// <exception cref="EndOfStreamException">There are fewer bytes than the header announces.</exception>
    /// <exception cref="InvalidDataException">There are more, a filter is not known, or a pixel is not in the palette.</exception>
    public static void Read(Stream unpacked, PngHeader header, byte[] palette, int channels, Span<byte> planes)
    {
        // In front of each row lie zeros, for the pixel left of the first.
        var pixelBytes = Math.Max(1, header.Samples * header.BitDepth / 8);
        var (row, above) = (new byte[pixelBytes + header.RowBytes], new byte[pixelBytes + header.RowBytes]);
        for (var y = 0; y < header.Height; y++)
        {
            var filter = unpacked.ReadByte();
            unpacked.ReadExactly(row.AsSpan(pixelBytes));
            Unfilter(filter, row, above, pixelBytes);
            var line = planes[(y * (int)header.Width)..];
            var plane = (int)(header.Width * header.Height);
            if (palette.Length > 0 || header.IsPalette)
                LookUp(row.AsSpan(pixelBytes), header, palette, channels, line, plane);
            else
                Spread(row.AsSpan(pixelBytes), header, channels, line, plane);
            (row, above) = (above, row);
        }
        if (unpacked.ReadByte() >= 0)
            throw new InvalidDataException("there are more pixels than the header announces");
    }

    private static void Unfilter(int filter, Span<byte> row, ReadOnlySpan<byte> above, int step)
    {
        if (filter is < 0 or > 4)
            throw new InvalidDataException($"there is no filter {filter}");
        for (var i = step; i < row.Length; i++)
            row[i] += filter switch
            {
                0 => (byte)0,
                1 => row[i - step],
                2 => above[i],
                3 => (byte)((row[i - step] + above[i]) / 2),
                _ => Paeth(row[i - step], above[i], above[i - step]),
            };
    }

    /// <summary>Whichever of the three neighbours is nearest to left + up - corner; the first of equals.</summary>
    private static byte Paeth(byte left, byte up, byte corner)
    {
        var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - 2 * corner));
        if (toLeft <= toUp && toLeft <= toCorner)
            return left;
        return toUp <= toCorner ? up : corner;
    }

    private static void LookUp(ReadOnlySpan<byte> row, PngHeader header, byte[] palette, int channels, Span<byte> line, int plane)
    {
        var depth = header.BitDepth;
        for (var x = 0; x < header.Width; x++)
        {
            var index = row[x * depth / 8] >> 8 - depth - x * depth % 8 & (1 << depth) - 1;
            if (3 * index >= palette.Length)
                throw new InvalidDataException($"a pixel has colour {index} and the palette {palette.Length / 3} colours");
            for (var channel = 0; channel < channels; channel++)
                line[channel * plane + x] = palette[3 * index + channel];
        }
    }

    private static void Spread(ReadOnlySpan<byte> row, PngHeader header, int channels, Span<byte> line, int plane)
    {
        var samples = header.Samples;
        for (var channel = 0; channel < channels; channel++)
            for (var x = 0; x < header.Width; x++)
                line[channel * plane + x] = row[x * samples + (samples < 3 ? 0 : channel)];
    }
}
