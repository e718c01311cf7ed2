using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Rows divided by their length; see <see cref="Ops.L2Normalize"/>.</summary>
internal static unsafe class L2NormalizeKernel
{
    private const float Shortest = 1e-12f;

    /// <summary><c>y = x / max(|x|, 1e-12)</c>.</summary>
    public static void Run(float* x, float* y, long rows, int size) => Workers.For(RowChunks.Count(rows, size), chunk =>
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var values = new ReadOnlySpan<float>(x + row * size, size);
            TensorPrimitives.Divide(values, Math.Max(TensorPrimitives.Norm(values), Shortest), new Span<float>(y + row * size, size));
        }
    });

    /// <summary><c>dx = (g - (g·y) y) / |x|</c>; where x is shorter than 1e-12, <c>g / 1e-12</c>.</summary>
    public static void Differentiate(float* x, float* y, float* g, float* dx, long rows, int size) =>
        Workers.For(RowChunks.Count(rows, size), chunk =>
        {
            var (first, end) = RowChunks.Range(rows, size, chunk);
            for (var row = first; row < end; row++)
            {
                ReadOnlySpan<float> outputs = new(y + row * size, size), gradients = new(g + row * size, size);
                var target = new Span<float>(dx + row * size, size);
                var length = TensorPrimitives.Norm(new ReadOnlySpan<float>(x + row * size, size));
                var along = length > Shortest ? TensorPrimitives.Dot(gradients, outputs) : 0;
                TensorPrimitives.MultiplyAdd(outputs, -along, gradients, target);
                TensorPrimitives.Divide(target, Math.Max(length, Shortest), target);
            }
        });
}
