using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Elementary functions on registers, within about 2 units in the last place of float.</summary>
/// <remarks>Coefficients are minimax fits made by tests/Golden/ops/polynomials.py.</remarks>
internal static class VectorMath
{
    // ln 2 in two parts: the first has few bits, so that n * Ln2High is exact.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    /// <summary><c>e^x</c>: x = n ln 2 + r, a polynomial in r, scaled by 2^n.</summary>
    /// <remarks>Exactly 0 below -104, infinity above 88.73; NaN stays.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<S, V>(V x) where S : ISimd<V> where V : unmanaged
    {
        x = S.Min(S.Create(89f), S.Max(S.Create(-104f), x));
        var n = S.Round(S.Multiply(x, S.Create(1.44269504f)));
        var r = S.MultiplyAdd(n, S.Create(-Ln2High), x);
        r = S.MultiplyAdd(n, S.Create(-Ln2Low), r);
        var p = S.Create(0.00138145999f);
        p = S.MultiplyAdd(p, r, S.Create(0.00836871564f));
        p = S.MultiplyAdd(p, r, S.Create(0.0416683890f));
        p = S.MultiplyAdd(p, r, S.Create(0.166665211f));
        p = S.MultiplyAdd(p, r, S.Create(0.499999940f));
        p = S.MultiplyAdd(S.Multiply(r, r), p, r);
        return S.Scale(S.Add(p, S.Create(1f)), n);
    }

    /// <summary><c>1 / (1 + e^-x)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<S, V>(V x) where S : ISimd<V> where V : unmanaged =>
        S.Divide(S.Create(1f), S.Add(S.Create(1f), Exp<S, V>(S.Subtract(S.Create(0f), x))));

    /// <summary><c>tanh x</c>: an odd polynomial near 0, elsewhere <c>1 - 2 / (e^2|x| + 1)</c> under the sign of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<S, V>(V x) where S : ISimd<V> where V : unmanaged
    {
        var a = S.Abs(x);
        var z = S.Multiply(x, x);
        var p = S.Create(-0.00570499059f);
        p = S.MultiplyAdd(p, z, S.Create(0.0206390899f));
        p = S.MultiplyAdd(p, z, S.Create(-0.0537397154f));
        p = S.MultiplyAdd(p, z, S.Create(0.133314416f));
        p = S.MultiplyAdd(p, z, S.Create(-0.333332807f));
        var small = S.MultiplyAdd(S.Multiply(p, z), x, x);
        var e = Exp<S, V>(S.Add(a, a));
        var large = S.Subtract(S.Create(1f), S.Divide(S.Create(2f), S.Add(e, S.Create(1f))));
        return S.SelectLess(a, S.Create(0.625f), small, S.CopySign(large, x));
    }

    /// <summary><c>erf x = 2/sqrt(pi) * integral of e^-t^2 over 0..x</c>.</summary>
    /// <remarks>An odd polynomial up to 1, then <c>1 - e^q(|x|)</c> with q close to ln erfc, under the sign of x.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<S, V>(V x) where S : ISimd<V> where V : unmanaged
    {
        var z = S.Multiply(x, x);
        var p = S.Create(7.85400844e-5f);
        p = S.MultiplyAdd(p, z, S.Create(-8.01024202e-4f));
        p = S.MultiplyAdd(p, z, S.Create(0.00518833380f));
        p = S.MultiplyAdd(p, z, S.Create(-0.0268538147f));
        p = S.MultiplyAdd(p, z, S.Create(0.112835854f));
        p = S.MultiplyAdd(p, z, S.Create(-0.376126260f));
        p = S.MultiplyAdd(p, z, S.Create(1.12837911f));
        var a = S.Min(S.Create(4f), S.Abs(x)); // erf 4 is 1 in float
        var q = S.Create(1.86777615e-4f);
        q = S.MultiplyAdd(q, a, S.Create(-0.00295188278f));
        q = S.MultiplyAdd(q, a, S.Create(0.0218563341f));
        q = S.MultiplyAdd(q, a, S.Create(-0.103148013f));
        q = S.MultiplyAdd(q, a, S.Create(-0.638093531f));
        q = S.MultiplyAdd(q, a, S.Create(-1.12712252f));
        q = S.MultiplyAdd(q, a, S.Create(-3.32682364e-4f));
        var large = S.Subtract(S.Create(1f), Exp<S, V>(q));
        return S.SelectLess(a, S.Create(1f), S.Multiply(p, x), S.CopySign(large, x));
    }
}
