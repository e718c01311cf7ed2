namespace Coppice.Tensors.Kernels;

/// <summary>A run of output pixels of one image row, whose input is a run of floats too.</summary>
/// <param name="Source">First float of its input, for a tap at 0.</param>
/// <param name="Target">First output pixel, counted from the first image's first.</param>
/// <param name="Length">Pixels.</param>
internal readonly record struct PixelRun(long Source, long Target, int Length);

/// <summary>Cuts some of a batch's output pixels into runs; the pixels of all images are numbered through.</summary>
internal readonly struct PixelRuns(ConvShape shape, long imageLength, int rowStep)
{
    /// <summary>Pixels of a row that lie side by side in the input too: an output row, or the image where pixels stand for themselves.</summary>
    private readonly int _row = shape.IsPointwise ? shape.Pixels : shape.OutWidth;

    /// <summary>Writes the runs of <paramref name="count"/> pixels from number <paramref name="first"/> on, and returns how many there are.</summary>
    public int Find(long first, int count, Span<PixelRun> runs)
    {
        var found = 0;
        while (count > 0)
        {
            var (image, pixel) = Math.DivRem(first, shape.Pixels);
            var (row, column) = Math.DivRem((int)pixel, _row);
            var length = Math.Min(_row - column, count);
            runs[found++] = new(image * imageLength + (long)row * rowStep + column, image * shape.Outputs * shape.Pixels + pixel, length);
            (first, count) = (first + length, count - length);
        }
        return found;
    }
}

/// <summary>Gathers what output pixels read: a row of a panel for each tap.</summary>
internal static unsafe class ConvPanel
{
    /// <summary>panel[t][i] = the input of pixel i for tap t; rows are <paramref name="width"/> apart.</summary>
    /// <remarks>Copies whole registers: reads up to a register beyond the input, and writes as much behind the panel.</remarks>
    public static void Pack<S, V>(float* input, ReadOnlySpan<long> taps, ReadOnlySpan<PixelRun> runs, float* panel, int width)
        where S : ISimd<V> where V : unmanaged
    {
        if (runs.Length == 1 && runs[0].Length == 2 * S.Count && width == 2 * S.Count)
        {
            input += runs[0].Source;
            foreach (var tap in taps)
            {
                S.Store(S.Load(input + tap), panel);
                S.Store(S.Load(input + tap + S.Count), panel + S.Count);
                panel += width;
            }
            return;
        }
        foreach (var tap in taps)
        {
            // In order: what a run writes in surplus falls on the next one, or on the next row.
            var target = panel;
            foreach (var run in runs)
            {
                var source = input + tap + run.Source;
                for (var i = 0; i < run.Length; i += S.Count)
                    S.Store(S.Load(source + i), target + i);
                target += run.Length;
            }
            panel += width;
        }
    }
}
