using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The gradient of a function of one float, on registers.</summary>
internal interface IUnaryGradient
{
    /// <summary>The derivative at <paramref name="value"/> (the function's argument, or for some its result) times the gradient.</summary>
    static abstract V Invoke<S, V>(V value, V gradient) where S : ISimd<V> where V : unmanaged;
}

/// <summary>Applies <see cref="IUnaryGradient"/> to each element.</summary>
internal static unsafe class UnaryGradients
{
    /// <summary><c>target[i] = f'(value[i]) * gradient[i]</c>.</summary>
    public static void Run<TOp>(float* value, float* gradient, float* target, long count) where TOp : struct, IUnaryGradient =>
        SimdKernel.Run(Elementwise.Chunks(count), new Kernel<TOp>(value, gradient, target, count));

    private readonly struct Kernel<TOp>(float* value, float* gradient, float* target, long count) : ISimdKernel
        where TOp : struct, IUnaryGradient
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
        {
            var start = (long)chunk * Elementwise.Chunk;
            float* x = value + start, g = gradient + start, y = target + start;
            var length = (int)Math.Min(Elementwise.Chunk, count - start);
            var i = 0;
            for (; i <= length - S.Count; i += S.Count)
                S.Store(TOp.Invoke<S, V>(S.Load(x + i), S.Load(g + i)), y + i);
            if (i == length)
                return;
            var rest = stackalloc float[32];
            new ReadOnlySpan<float>(x + i, length - i).CopyTo(new Span<float>(rest, 16));
            new ReadOnlySpan<float>(g + i, length - i).CopyTo(new Span<float>(rest + 16, 16));
            S.Store(TOp.Invoke<S, V>(S.Load(rest), S.Load(rest + 16)), rest);
            new ReadOnlySpan<float>(rest, length - i).CopyTo(new Span<float>(y + i, length - i));
        }
    }
}

/// <summary>1 where the argument is above 0, else 0.</summary>
internal readonly struct ReluGradient : IUnaryGradient
{
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged => S.SelectLess(S.Create(0f), x, g, S.Create(0f));
}

/// <summary><c>1 - y^2</c> of the result y.</summary>
internal readonly struct TanhGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V y, V g) where S : ISimd<V> where V : unmanaged =>
        S.Multiply(g, S.Subtract(S.Create(1f), S.Multiply(y, y)));
}

/// <summary><c>y (1 - y)</c> of the result y.</summary>
internal readonly struct SigmoidGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V y, V g) where S : ISimd<V> where V : unmanaged =>
        S.Multiply(g, S.Multiply(y, S.Subtract(S.Create(1f), y)));
}

/// <summary>Of <c>x s(u)</c> with the sigmoid s and u a function of x: <c>s (1 + x u' (1 - s))</c>.</summary>
internal static class SigmoidProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V sigmoid, V slope, V g) where S : ISimd<V> where V : unmanaged
    {
        var one = S.Create(1f);
        return S.Multiply(g, S.Multiply(sigmoid, S.MultiplyAdd(slope, S.Subtract(one, sigmoid), one)));
    }
}

/// <summary>Of <c>x s(x)</c>.</summary>
internal readonly struct SiluGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged =>
        SigmoidProduct.Invoke<S, V>(VectorMath.Sigmoid<S, V>(x), x, g);
}

/// <summary>Of <c>x s(1.702 x)</c>.</summary>
internal readonly struct GeluQuickGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged
    {
        var u = S.Multiply(x, S.Create(1.702f));
        return SigmoidProduct.Invoke<S, V>(VectorMath.Sigmoid<S, V>(u), u, g);
    }
}

/// <summary>Of <c>x s(2u)</c> with <c>u = sqrt(2/pi) (x + 0.044715 x^3)</c>.</summary>
internal readonly struct GeluTanhGradient : IUnaryGradient
{
    private const float First = 2f * 0.797884561f;
    private const float Third = First * 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged
    {
        var square = S.Multiply(x, x);
        var sigmoid = VectorMath.Sigmoid<S, V>(S.Multiply(x, S.MultiplyAdd(square, S.Create(Third), S.Create(First))));
        var slope = S.Multiply(x, S.MultiplyAdd(square, S.Create(3 * Third), S.Create(First)));
        return SigmoidProduct.Invoke<S, V>(sigmoid, slope, g);
    }
}

/// <summary>Of <c>x P(x)</c> with the normal distribution P: <c>P(x) + x e^(-x^2/2) / sqrt(2 pi)</c>.</summary>
internal readonly struct GeluErfGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged
    {
        var half = S.Create(0.5f);
        var probability = S.MultiplyAdd(VectorMath.Erf<S, V>(S.Multiply(x, S.Create(0.707106781f))), half, half);
        var density = S.Multiply(VectorMath.Exp<S, V>(S.Multiply(S.Multiply(x, x), S.Create(-0.5f))), S.Create(0.398942280f));
        return S.Multiply(g, S.MultiplyAdd(x, density, probability));
    }
}

/// <summary>Of erf: <c>2/sqrt(pi) e^(-x^2)</c>.</summary>
internal readonly struct ErfGradient : IUnaryGradient
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x, V g) where S : ISimd<V> where V : unmanaged =>
        S.Multiply(g, S.Multiply(S.Create(1.12837917f), VectorMath.Exp<S, V>(S.Multiply(S.Multiply(x, x), S.Create(-1f)))));
}
