using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Exponentials of one row, for losses.</summary>
internal static unsafe class RowExponentials
{
    /// <summary><c>ln(sum over i of e^(scale x[i]))</c>, for a positive scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float LogSum<S, V>(float* x, int size, float scale) where S : ISimd<V> where V : unmanaged
    {
        var max = TensorPrimitives.Max(new ReadOnlySpan<float>(x, size)) * scale;
        V total = S.Create(0f), top = S.Create(max), by = S.Create(scale);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
            total = S.Add(total, VectorMath.Exp<S, V>(S.Subtract(S.Multiply(S.Load(x + i), by), top)));
        var rest = stackalloc float[16];
        new Span<float>(rest, 16).Fill(float.NegativeInfinity); // e^-inf = 0 adds nothing
        new ReadOnlySpan<float>(x + i, size - i).CopyTo(new Span<float>(rest, 16));
        total = S.Add(total, VectorMath.Exp<S, V>(S.Subtract(S.Multiply(S.Load(rest), by), top)));
        return max + MathF.Log(S.Sum(total));
    }

    /// <summary><c>y[i] = factor * e^(scale x[i] - shift)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store<S, V>(float* x, int size, float scale, float shift, float factor, float* y)
        where S : ISimd<V> where V : unmanaged
    {
        V by = S.Create(scale), down = S.Create(-shift), times = S.Create(factor);
        var i = 0;
        for (; i <= size - S.Count; i += S.Count)
            S.Store(S.Multiply(times, VectorMath.Exp<S, V>(S.MultiplyAdd(S.Load(x + i), by, down))), y + i);
        if (i == size)
            return;
        var rest = stackalloc float[16];
        new ReadOnlySpan<float>(x + i, size - i).CopyTo(new Span<float>(rest, 16));
        S.Store(S.Multiply(times, VectorMath.Exp<S, V>(S.MultiplyAdd(S.Load(rest), by, down))), rest);
        new ReadOnlySpan<float>(rest, size - i).CopyTo(new Span<float>(y + i, size - i));
    }
}
