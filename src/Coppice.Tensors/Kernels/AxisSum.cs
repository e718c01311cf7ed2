using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Sums over neighbouring axes of a row-major tensor.</summary>
/// <remarks>Long sums are cut into parts by the sizes alone and the parts added in order: the same bytes on any thread count.</remarks>
internal static unsafe class AxisSum
{
    /// <summary><c>y[o, i] = sum over n of x[o, n, i]</c>, n running over the axes from first up to end, not included, of x.</summary>
    public static void Run(Tensor x, Tensor y, int first, int end)
    {
        var (outer, count, inner) = (Product(x.Shape.Dims[..first]), Product(x.Shape.Dims[first..end]), Product(x.Shape.Dims[end..]));
        if (outer * inner == 0)
            return;
        if (inner == 1)
            RowReductions.Sum(x.Pointer<float>(), y.Pointer<float>(), outer, checked((int)count));
        else
            Columns(x.Pointer<float>(), y.Pointer<float>(), outer, count, checked((int)inner));
        GC.KeepAlive(x);
        GC.KeepAlive(y);
    }

    private static void Columns(float* x, float* y, long outer, long count, int inner)
    {
        var parts = RowChunks.Count(count, inner);
        if (parts == 1 || inner > Elementwise.Chunk / 2)
        {
            Workers.For(checked((int)outer), i => AddRows(x + i * count * inner, 0, count, inner, y + (long)i * inner));
            return;
        }
        using var buffer = new NativeBuffer(outer * parts * inner);
        var sums = buffer.Pointer;
        Workers.For(checked((int)(outer * parts)), chunk =>
        {
            var (row, part) = Math.DivRem(chunk, parts);
            var (first, end) = RowChunks.Range(count, inner, part);
            AddRows(x + row * count * inner, first, end, inner, sums + (long)chunk * inner);
        });
        Columns(sums, y, outer, parts, inner);
    }

    private static void AddRows(float* x, long first, long end, int inner, float* target)
    {
        var sum = new Span<float>(target, inner);
        sum.Clear();
        for (var row = first; row < end; row++)
            TensorPrimitives.Add(sum, new ReadOnlySpan<float>(x + row * inner, inner), sum);
    }

    private static long Product(ReadOnlySpan<int> dims)
    {
        var product = 1L;
        foreach (var dim in dims)
            product *= dim;
        return product;
    }
}
