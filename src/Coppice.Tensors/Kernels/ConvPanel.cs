using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>A run of output pixels of one image row, whose input is a run of floats too.</summary>
/// <param name="Source">First float of its input, for a tap at 0.</param>
/// <param name="Target">First output pixel, counted from the first image's first.</param>
/// <param name="Length">Pixels.</param>
internal readonly record struct PixelRun(long Source, long Target, int Length);

/// <summary>Cuts some of a batch's output pixels into runs; the pixels of all images are numbered through.</summary>
internal readonly struct PixelRuns(ConvShape shape, long imageLength, int rowStep)
{
    /// <summary>Pixels that lie side by side in the input too: an output row, or the image where each output pixel reads one input
    /// pixel.</summary>
    private readonly int _rowLength = shape is { KernelHeight: 1, KernelWidth: 1, Padding: 0 } ? shape.Pixels : shape.OutWidth;

    private readonly int _pixels = shape.Pixels;
    private readonly long _outputs = (long)shape.Outputs * shape.Pixels;

    /// <summary>Writes the runs of <paramref name="count"/> pixels from number <paramref name="first"/> on, and returns how many there
    /// are.</summary>
    public int Find(long first, int count, Span<PixelRun> runs)
    {
        var found = 0;
        while (count > 0)
        {
            var (image, pixel) = Math.DivRem(first, _pixels);
            var (row, column) = Math.DivRem((int)pixel, _rowLength);
            var length = Math.Min(_rowLength - column, count);
            runs[found++] = new(image * imageLength + (long)row * rowStep + column, image * _outputs + pixel, length);
            (first, count) = (first + length, count - length);
        }
        return found;
    }
}

/// <summary>Gathers what output pixels read: a row of a panel for each tap.</summary>
internal static unsafe class ConvPanel
{
    /// <summary>Rows of the panel that stay in the first-level cache until all runs are copied.</summary>
    private const int TapsAtOnce = 128;

    /// <summary>panel[t][i] = the input of pixel i for tap t; rows are <paramref name="width"/> apart.</summary>
    public static void Pack(float* input, ReadOnlySpan<long> taps, ReadOnlySpan<PixelRun> runs, float* panel, int width)
    {
        for (; taps.Length > 0; taps = taps[Math.Min(taps.Length, TapsAtOnce)..], panel += TapsAtOnce * width)
        {
            var target = panel;
            foreach (var run in runs)
            {
                CopyRun(input + run.Source, taps[..Math.Min(taps.Length, TapsAtOnce)], target, width, run.Length);
                target += run.Length;
            }
        }
    }

    /// <summary>Copies a run for all taps. The last register overlaps the one before, so that nothing is touched beside the run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyRun(float* source, ReadOnlySpan<long> taps, float* target, int width, int length)
    {
        if (length >= 16)
            foreach (var tap in taps)
            {
                var from = source + tap;
                for (var i = 0; i < length - 16; i += 16)
                    Vector512.Store(Vector512.Load(from + i), target + i);
                Vector512.Store(Vector512.Load(from + length - 16), target + length - 16);
                target += width;
            }
        else if (length >= 8)
            foreach (var tap in taps)
            {
                Vector256.Store(Vector256.Load(source + tap), target);
                Vector256.Store(Vector256.Load(source + tap + length - 8), target + length - 8);
                target += width;
            }
        else if (length >= 4)
            foreach (var tap in taps)
            {
                Vector128.Store(Vector128.Load(source + tap), target);
                Vector128.Store(Vector128.Load(source + tap + length - 4), target + length - 4);
                target += width;
            }
        else
            foreach (var tap in taps)
            {
                for (var i = 0; i < length; i++)
                    target[i] = source[tap + i];
                target += width;
            }
    }
}
