using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The gradients of layer normalisation, with n the normalised row and r = 1 / sqrt(variance + epsilon):</summary>
/// <remarks>
/// <c>dx = r (g w - mean(g w) - n mean(g w n))</c> for each row; <c>sum of g n</c> and <c>sum of g</c> over each chunk's rows, one row of
/// <paramref name="weights"/> and <paramref name="biases"/> a chunk.
/// </remarks>
internal readonly unsafe struct LayerNormGradientKernel(
    float* x, float* weight, float* gradient, float* dx, float* weights, float* biases, long rows, int size, float epsilon) : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        float* dw = weights + (long)chunk * size, db = biases + (long)chunk * size;
        new Span<float>(dw, size).Clear();
        new Span<float>(db, size).Clear();
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            Row<S, V>(x + row * size, gradient + row * size, dx + row * size, dw, db);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row<S, V>(float* source, float* g, float* target, float* dw, float* db) where S : ISimd<V> where V : unmanaged
    {
        var normal = new Span<float>(target, size); // until the row's gradient takes its place
        var row = new ReadOnlySpan<float>(source, size);
        TensorPrimitives.Subtract(row, TensorPrimitives.Sum(row) / size, normal);
        TensorPrimitives.Subtract(normal, TensorPrimitives.Sum<float>(normal) / size, normal); // what rounding took from the mean
        var scale = 1f / MathF.Sqrt(TensorPrimitives.SumOfSquares<float>(normal) / size + epsilon);
        TensorPrimitives.Multiply(normal, scale, normal);
        var (mean, slope) = Sums<S, V>(target, g, dw, db);
        V m = S.Create(mean / size), s = S.Create(slope / size), r = S.Create(scale);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var part = S.Subtract(S.Subtract(S.Multiply(S.Load(g + i), S.Load(weight + i)), m), S.Multiply(S.Load(target + i), s));
            S.Store(S.Multiply(r, part), target + i);
        }
        for (; i < size; i++)
            target[i] = scale * (g[i] * weight[i] - mean / size - target[i] * (slope / size));
    }

    // The sums of g w and of g w n; on the way the row's share of the weight's and the bias's gradients.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (float Mean, float Slope) Sums<S, V>(float* normal, float* g, float* dw, float* db) where S : ISimd<V> where V : unmanaged
    {
        V sum = S.Create(0f), slopes = sum;
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            V n = S.Load(normal + i), at = S.Load(g + i), weighted = S.Multiply(at, S.Load(weight + i));
            sum = S.Add(sum, weighted);
            slopes = S.MultiplyAdd(weighted, n, slopes);
            S.Store(S.MultiplyAdd(at, n, S.Load(dw + i)), dw + i);
            S.Store(S.Add(at, S.Load(db + i)), db + i);
        }
        var (mean, slope) = (S.Sum(sum), S.Sum(slopes));
        for (; i < size; i++)
        {
            mean += g[i] * weight[i];
            slope += g[i] * weight[i] * normal[i];
            dw[i] += g[i] * normal[i];
            db[i] += g[i];
        }
        return (mean, slope);
    }
}
