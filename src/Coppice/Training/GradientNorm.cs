using System.Numerics.Tensors;
using Coppice.Tensors.Kernels;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Training;

/// <summary>The L2 norm of gradients, summed in chunks of fixed size so that it never depends on threads.</summary>
internal static class GradientNorm
{
    private const int Chunk = 1 << 15;

    public static double SumOfSquares(Tensor gradient)
    {
        var sums = new double[(gradient.Count + Chunk - 1) / Chunk];
        Workers.For(sums.Length, chunk => sums[chunk] = TensorPrimitives.SumOfSquares(Part(gradient.AsReadOnlySpan<float>(), chunk)));
        return sums.Sum();
    }

    public static void Scale(Tensor gradient, float factor) => Workers.For((int)((gradient.Count + Chunk - 1) / Chunk), chunk =>
    {
        var part = gradient.AsSpan<float>().Slice(chunk * Chunk, (int)Math.Min(Chunk, gradient.Count - (long)chunk * Chunk));
        TensorPrimitives.Multiply(part, factor, part);
    });

    private static ReadOnlySpan<float> Part(ReadOnlySpan<float> values, int chunk) =>
        values.Slice(chunk * Chunk, Math.Min(Chunk, values.Length - chunk * Chunk));
}
