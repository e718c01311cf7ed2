using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary><c>max(x, 0)</c>; NaN stays.</summary>
internal readonly struct ReluKernel : IUnary
{
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => S.Max(S.Create(0f), x);
}

/// <summary><c>tanh x</c>.</summary>
internal readonly struct TanhKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Tanh<S, V>(x);
}

/// <summary><c>1 / (1 + e^-x)</c>.</summary>
internal readonly struct SigmoidKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Sigmoid<S, V>(x);
}

/// <summary><c>x * sigmoid(x)</c>.</summary>
internal readonly struct SiluKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => S.Multiply(x, VectorMath.Sigmoid<S, V>(x));
}

/// <summary><c>x/2 (1 + erf(x / sqrt 2))</c>.</summary>
internal readonly struct GeluErfKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged
    {
        var erf = VectorMath.Erf<S, V>(S.Multiply(x, S.Create(0.707106781f)));
        return S.Multiply(S.Multiply(x, S.Create(0.5f)), S.Add(S.Create(1f), erf));
    }
}

/// <summary><c>x/2 (1 + tanh u)</c> with <c>u = sqrt(2/pi) (x + 0.044715 x^3)</c>, which equals <c>x sigmoid(2u)</c>.</summary>
internal readonly struct GeluTanhKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged
    {
        var twice = S.MultiplyAdd(S.Multiply(x, x), S.Create(2f * 0.797884561f * 0.044715f), S.Create(2f * 0.797884561f));
        return S.Multiply(x, VectorMath.Sigmoid<S, V>(S.Multiply(x, twice)));
    }
}

/// <summary><c>x sigmoid(1.702 x)</c>.</summary>
internal readonly struct GeluQuickKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged =>
        S.Multiply(x, VectorMath.Sigmoid<S, V>(S.Multiply(x, S.Create(1.702f))));
}

/// <summary><c>erf x</c>.</summary>
internal readonly struct ErfKernel : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Erf<S, V>(x);
}
