using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Softmax of each row, or its logarithm.</summary>
/// <remarks>The row's maximum is taken off first, so nothing overflows.</remarks>
internal readonly unsafe struct SoftmaxKernel(float* x, float* y, long rows, int size, bool logarithm) : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        if (size == 0)
            return;
        var (first, end) = RowChunks.Range(rows, size, chunk);
        for (var row = first; row < end; row++)
        {
            var source = new ReadOnlySpan<float>(x + row * size, size);
            var target = new Span<float>(y + row * size, size);
            var max = TensorPrimitives.Max(source);
            var sum = Exponentials<S, V>(x + row * size, y + row * size, max);
            if (logarithm)
                LogProbabilities(source, max, MathF.Log(sum), target);
            else
                TensorPrimitives.Multiply(target, 1f / sum, target);
        }
    }

    private static void LogProbabilities(ReadOnlySpan<float> source, float max, float logSum, Span<float> target)
    {
        TensorPrimitives.Subtract(source, max, target);
        TensorPrimitives.Subtract(target, logSum, target);
    }

    // target[i] = e^(source[i] - max); returns their sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Exponentials<S, V>(float* source, float* target, float max) where S : ISimd<V> where V : unmanaged
    {
        V total = S.Create(0f), top = S.Create(max);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
        {
            var e = VectorMath.Exp<S, V>(S.Subtract(S.Load(source + i), top));
            S.Store(e, target + i);
            total = S.Add(total, e);
        }
        var rest = stackalloc float[16];
        new Span<float>(rest, 16).Fill(float.NegativeInfinity); // e^-inf = 0 adds nothing
        new ReadOnlySpan<float>(source + i, size - i).CopyTo(new Span<float>(rest, 16));
        var last = VectorMath.Exp<S, V>(S.Subtract(S.Load(rest), top));
        S.Store(last, rest);
        new ReadOnlySpan<float>(rest, size - i).CopyTo(new Span<float>(target + i, size - i));
        return S.Sum(S.Add(total, last));
    }
}
