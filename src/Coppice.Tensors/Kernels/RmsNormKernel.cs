using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary><c>y = x / sqrt(mean(x^2) + epsilon) * weight</c> for each row.</summary>
internal readonly unsafe struct RmsNormKernel(float* x, float* weight, float* y, long rows, int size, float epsilon) : ISimdKernel
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
        var scale = RowMoments.InverseRootMeanSquare<S, V>(source, size, epsilon);
        var factor = S.Create(scale);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
            S.Store(S.Multiply(S.Multiply(S.Load(source + i), factor), S.Load(weight + i)), target + i);
        for (; i < size; i++)
            target[i] = source[i] * scale * weight[i];
    }
}
