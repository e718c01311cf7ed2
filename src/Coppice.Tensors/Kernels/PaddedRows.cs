namespace Coppice.Tensors.Kernels;

/// <summary>Rows of a head size that is no multiple of 8, copied with zeros behind them so that kernels can take whole registers.</summary>
internal static unsafe class PaddedRows
{
    /// <summary>The next multiple of 8.</summary>
    public static int Width(int size) => (size + 7) & ~7;

    /// <summary>
    /// The rows where they lie if <paramref name="size"/> is a multiple of 8, else their copy in <paramref name="scratch"/>; and the
    /// distance between rows.
    /// </summary>
    public static RowPointer Of(float* rows, int stride, int count, int size, float* scratch)
    {
        var width = Width(size);
        if (width == size)
            return new(rows, stride);
        for (var i = 0; i < count; i++)
        {
            var target = new Span<float>(scratch + (long)i * width, width);
            new ReadOnlySpan<float>(rows + (long)i * stride, size).CopyTo(target);
            target[size..].Clear();
        }
        return new(scratch, width);
    }
}

/// <summary>Rows of floats and the distance between them.</summary>
internal readonly unsafe struct RowPointer(float* rows, int stride)
{
    public readonly float* Rows = rows;
    public readonly int Stride = stride;
}
