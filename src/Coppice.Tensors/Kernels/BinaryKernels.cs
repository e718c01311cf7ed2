using System.Numerics;
using System.Numerics.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Kernels;

/// <summary>A function of two floats, over rows and with either side a scalar.</summary>
internal interface IBinary
{
    static abstract float Invoke(float a, float b);

    static abstract void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y);

    static abstract void Invoke(ReadOnlySpan<float> a, float b, Span<float> y);

    static abstract void Invoke(float a, ReadOnlySpan<float> b, Span<float> y);

    /// <summary>The same for numbers of any type, one by one.</summary>
    static abstract T Number<T>(T a, T b) where T : INumber<T>;
}

internal readonly struct AddKernel : IBinary
{
    public static float Invoke(float a, float b) => a + b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Add(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Add(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Add(b, a, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => a + b;
}

internal readonly struct SubtractKernel : IBinary
{
    public static float Invoke(float a, float b) => a - b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => a - b;
}

internal readonly struct MultiplyKernel : IBinary
{
    public static float Invoke(float a, float b) => a * b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Multiply(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Multiply(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Multiply(b, a, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => a * b;
}

internal readonly struct DivideKernel : IBinary
{
    public static float Invoke(float a, float b) => a / b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Divide(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Divide(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Divide(a, b, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => IntegerDivision.Divide(a, b);
}

internal readonly struct MinimumKernel : IBinary
{
    public static float Invoke(float a, float b) => MathF.Min(a, b);

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Min(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Min(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Min(b, a, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => T.Min(a, b);
}

internal readonly struct MaximumKernel : IBinary
{
    public static float Invoke(float a, float b) => MathF.Max(a, b);

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Max(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Max(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Max(b, a, y);

    public static T Number<T>(T a, T b) where T : INumber<T> => T.Max(a, b);
}

internal readonly struct PowerKernel : IBinary
{
    public static float Invoke(float a, float b) => MathF.Pow(a, b);

    // TensorPrimitives.Pow goes by exp and log, which loses negative bases and some digits.
    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Pow(a[i], b[i]);
    }

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y)
    {
        if (b == 2)
            TensorPrimitives.Multiply(a, a, y);
        else
            for (var i = 0; i < y.Length; i++)
                y[i] = MathF.Pow(a[i], b);
    }

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Pow(a, b[i]);
    }

    public static T Number<T>(T a, T b) where T : INumber<T> =>
        T.CreateTruncating(Math.Pow(double.CreateTruncating(a), double.CreateTruncating(b)));
}

/// <summary>The remainder with the divisor's sign, as Python's.</summary>
internal readonly struct FloorModuloKernel : IBinary
{
    public static float Invoke(float a, float b) => Number(a, b);

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = Number(a[i], b[i]);
    }

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = Number(a[i], b);
    }

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = Number(a, b[i]);
    }

    public static T Number<T>(T a, T b) where T : INumber<T>
    {
        var rest = IntegerDivision.Remainder(a, b);
        return !T.IsZero(rest) && T.IsNegative(rest) != T.IsNegative(b) ? rest + b : rest;
    }
}

/// <summary>The remainder with the dividend's sign, as C's fmod.</summary>
internal readonly struct RemainderKernel : IBinary
{
    public static float Invoke(float a, float b) => a % b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = a[i] % b[i];
    }

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = a[i] % b;
    }

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = a % b[i];
    }

    public static T Number<T>(T a, T b) where T : INumber<T> => IntegerDivision.Remainder(a, b);
}

/// <summary>Division that the processor would stop the program for says what is wrong, or has its mathematical result modulo 2^n.</summary>
internal static class IntegerDivision
{
    public static T Divide<T>(T a, T b) where T : INumber<T>
    {
        if (IsFraction<T>())
            return a / b;
        return IsMinusOne(b) ? T.Zero - a : a / NotZero(b);
    }

    public static T Remainder<T>(T a, T b) where T : INumber<T>
    {
        if (IsFraction<T>())
            return a % b;
        return IsMinusOne(b) ? T.Zero : a % NotZero(b);
    }

    private static bool IsFraction<T>() where T : INumber<T> => T.One / (T.One + T.One) != T.Zero;

    private static bool IsMinusOne<T>(T b) where T : INumber<T> => T.IsNegative(b) && b + T.One == T.Zero;

    private static T NotZero<T>(T b) where T : INumber<T> =>
        T.IsZero(b) ? throw new OpException("A whole number is divided by zero; floats have infinity for that, so Cast first.") : b;
}
