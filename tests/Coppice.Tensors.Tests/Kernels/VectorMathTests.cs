using Coppice.Tensors.Kernels;
using Coppice.Tensors.Kernels.Reference;

namespace Coppice.Tensors.Tests.Kernels;

/// <summary>Relative errors over the ranges where results are normal numbers; 2.4e-7 is two units in the last place at 1.</summary>
[Trait("Category", "Kernels")]
public sealed class VectorMathTests
{
    [Fact]
    public void Exp_NormalResults_WithinTwoUnits() => Check<ExpOp>(Math.Exp, -87, 88.7, 2.4e-7);

    [Fact]
    public void Tanh_SmallAndLarge_WithinThreeUnits() => Check<TanhOp>(Math.Tanh, -12, 12, 3.6e-7);

    [Fact]
    public void Erf_SmallAndLarge_WithinThreeUnits() => Check<ErfOp>(ActivationReference.Erf, -6, 6, 3.6e-7);

    [Theory]
    [InlineData(-104.5f, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-0f, 1f)]
    [InlineData(88.8f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_Limits_AreExact(float x, float expected) => Assert.Equal(expected, Run<ExpOp>([x])[0]);

    [Fact]
    public void Exp_DenormalResults_AreRoundedToTheGrid()
    {
        float[] x = [-87.5f, -90f, -95f, -100f, -103f];
        var y = Run<ExpOp>(x);
        for (var i = 0; i < x.Length; i++)
            Assert.InRange(y[i], Math.Exp(x[i]) - 1.5 * float.Epsilon - 1e-45, Math.Exp(x[i]) * (1 + 2.4e-7) + 1.5 * float.Epsilon);
    }

    private static void Check<TOp>(Func<double, double> reference, double from, double to, double tolerance) where TOp : struct, IUnary
    {
        const int Count = 200_000;
        var x = new float[Count];
        for (var i = 0; i < Count; i++)
            x[i] = (float)(from + (to - from) * i / (Count - 1));
        var y = Run<TOp>(x);
        for (var i = 0; i < Count; i++)
            if (!(Math.Abs(y[i] - reference(x[i])) <= tolerance * Math.Abs(reference(x[i]))))
                Assert.Fail($"At {x[i]:R}: expected {reference(x[i]):R}, got {y[i]:R}.");
    }

    private static unsafe float[] Run<TOp>(float[] x) where TOp : struct, IUnary
    {
        var y = new float[x.Length];
        fixed (float* source = x, target = y)
            Elementwise.Run<TOp>(source, target, x.Length);
        return y;
    }

    private readonly struct ExpOp : IUnary
    {
        public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Exp<S, V>(x);
    }

    private readonly struct TanhOp : IUnary
    {
        public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Tanh<S, V>(x);
    }

    private readonly struct ErfOp : IUnary
    {
        public static V Invoke<S, V>(V x) where S : ISimd<V> where V : unmanaged => VectorMath.Erf<S, V>(x);
    }
}
