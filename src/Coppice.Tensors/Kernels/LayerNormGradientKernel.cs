using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The gradients of layer normalisation, with n the normalised row and r = 1 / sqrt(variance + epsilon):</summary>
/// <remarks>
/// <c>dx (+)= r (g w - mean(g w) - n mean(g w n))</c> for each row; <c>sum of g n</c> and <c>sum of g</c> over each chunk's rows, one row
/// of <paramref name="weights"/> and <paramref name="biases"/> a chunk.
/// </remarks>
internal readonly unsafe struct LayerNormGradientKernel(
    float* x, float* weight, float* gradient, float* dx, bool adds, float* weights, float* biases, long rows, int size, float epsilon)
    : ISimdKernel
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
        var moments = RowMoments.Of<S, V>(source, size, epsilon);
        var (mean, slope) = Sums<S, V>(source, moments, g, dw, db);
        V m = S.Create(mean), s = S.Create(slope), r = S.Create(moments.Scale);
        V shift = S.Create(moments.Mean), rest = S.Create(moments.Correction), zero = S.Create(0f);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var n = S.Multiply(S.Subtract(S.Subtract(S.Load(source + i), shift), rest), r);
            var part = S.Subtract(S.Subtract(S.Multiply(S.Load(g + i), S.Load(weight + i)), m), S.Multiply(n, s));
            S.Store(S.MultiplyAdd(r, part, adds ? S.Load(target + i) : zero), target + i);
        }
        for (; i < size; i++)
        {
            var n = (source[i] - moments.Mean - moments.Correction) * moments.Scale;
            target[i] = moments.Scale * (g[i] * weight[i] - mean - n * slope) + (adds ? target[i] : 0);
        }
    }

    // The means of g w and of g w n; on the way the row's share of the weight's and the bias's gradients.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (float Mean, float Slope) Sums<S, V>(float* source, RowMoments moments, float* g, float* dw, float* db)
        where S : ISimd<V> where V : unmanaged
    {
        V shift = S.Create(moments.Mean), rest = S.Create(moments.Correction), r = S.Create(moments.Scale);
        V sum = S.Create(0f), slopes = sum;
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var n = S.Multiply(S.Subtract(S.Subtract(S.Load(source + i), shift), rest), r);
            V at = S.Load(g + i), weighted = S.Multiply(at, S.Load(weight + i));
            sum = S.Add(sum, weighted);
            slopes = S.MultiplyAdd(weighted, n, slopes);
            S.Store(S.MultiplyAdd(at, n, S.Load(dw + i)), dw + i);
            S.Store(S.Add(at, S.Load(db + i)), db + i);
        }
        var (mean, slope) = (S.Sum(sum), S.Sum(slopes));
        for (; i < size; i++)
        {
            var n = (source[i] - moments.Mean - moments.Correction) * moments.Scale;
            mean += g[i] * weight[i];
            slope += g[i] * weight[i] * n;
            dw[i] += g[i] * n;
            db[i] += g[i];
        }
        return (mean / size, slope / size);
    }
}
