using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary><c>y = (x - mean) / sqrt(variance + epsilon) * weight + bias</c> for each row.</summary>
internal readonly unsafe struct LayerNormKernel(float* x, float* weight, float* bias, float* y, long rows, int size, float epsilon)
    : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
            Normalize<S, V>(x + row * size, y + row * size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Normalize<S, V>(float* source, float* target) where S : ISimd<V> where V : unmanaged
    {
        var moments = RowMoments.Of<S, V>(source, size, epsilon);
        V shift = S.Create(moments.Mean), rest = S.Create(moments.Correction), factor = S.Create(moments.Scale);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var normal = S.Multiply(S.Subtract(S.Subtract(S.Load(source + i), shift), rest), factor);
            S.Store(S.MultiplyAdd(normal, S.Load(weight + i), S.Load(bias + i)), target + i);
        }
        for (; i < size; i++)
            target[i] = (source[i] - moments.Mean - moments.Correction) * moments.Scale * weight[i] + bias[i];
    }
}
