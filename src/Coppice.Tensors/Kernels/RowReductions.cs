using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>One value for each row.</summary>
internal static unsafe class RowReductions
{
    /// <summary><c>y[r] = sum over i of x[r, i]</c>.</summary>
    public static void Sum(float* x, float* y, long rows, int size) => Workers.For(RowChunks.Count(rows, size), chunk =>
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            y[row] = TensorPrimitives.Sum(new ReadOnlySpan<float>(x + row * size, size));
    });

    /// <summary><c>y[r] = sum over i of x[r, i] / size</c>.</summary>
    public static void Mean(float* x, float* y, long rows, int size) => Workers.For(RowChunks.Count(rows, size), chunk =>
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            y[row] = TensorPrimitives.Sum(new ReadOnlySpan<float>(x + row * size, size)) / size;
    });

    /// <summary><c>y[r]</c> = the first i with <c>x[r, i]</c> NaN, else with the largest <c>x[r, i]</c>.</summary>
    public static void ArgMax(float* x, long* y, long rows, int size) => Workers.For(RowChunks.Count(rows, size), chunk =>
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            // Max hands NaN on, and IndexOf finds NaN and takes -0 for 0, as float.Equals does.
            var values = new ReadOnlySpan<float>(x + row * size, size);
            y[row] = values.IndexOf(TensorPrimitives.Max(values));
        }
    });
}
