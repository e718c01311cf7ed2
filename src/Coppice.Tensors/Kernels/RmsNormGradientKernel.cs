using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The gradients of root mean square normalisation, with r = 1 / sqrt(mean(x^2) + epsilon) and n = x r:</summary>
/// <remarks>
/// <c>dx (+)= r (g w - n mean(g w n))</c> for each row; <c>sum of g n</c> over each chunk's rows, one row of <paramref name="weights"/> a chunk.
/// </remarks>
internal readonly unsafe struct RmsNormGradientKernel(
    float* x, float* weight, float* gradient, float* dx, bool adds, float* weights, long rows, int size, float epsilon) : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var dw = weights + (long)chunk * size;
        new Span<float>(dw, size).Clear();
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            Row<S, V>(x + row * size, gradient + row * size, dx + row * size, dw);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row<S, V>(float* source, float* g, float* target, float* dw) where S : ISimd<V> where V : unmanaged
    {
        var scale = RowMoments.InverseRootMeanSquare<S, V>(source, size, epsilon);
        var slope = Slope<S, V>(source, scale, g, dw);
        V s = S.Create(slope), r = S.Create(scale), zero = S.Create(0f);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var n = S.Multiply(S.Load(source + i), r);
            var part = S.Subtract(S.Multiply(S.Load(g + i), S.Load(weight + i)), S.Multiply(n, s));
            S.Store(S.MultiplyAdd(r, part, adds ? S.Load(target + i) : zero), target + i);
        }
        for (; i < size; i++)
            target[i] = scale * (g[i] * weight[i] - source[i] * scale * slope) + (adds ? target[i] : 0);
    }

    // The mean of g w n; on the way the row's share of the weight's gradient.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Slope<S, V>(float* source, float scale, float* g, float* dw) where S : ISimd<V> where V : unmanaged
    {
        V r = S.Create(scale), slopes = S.Create(0f);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var along = S.Multiply(S.Load(g + i), S.Multiply(S.Load(source + i), r));
            slopes = S.MultiplyAdd(along, S.Load(weight + i), slopes);
            S.Store(S.Add(along, S.Load(dw + i)), dw + i);
        }
        var slope = S.Sum(slopes);
        for (; i < size; i++)
        {
            slope += g[i] * (source[i] * scale) * weight[i];
            dw[i] += g[i] * (source[i] * scale);
        }
        return slope / size;
    }
}
