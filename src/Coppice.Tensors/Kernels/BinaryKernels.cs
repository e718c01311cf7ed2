using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>A function of two floats, over rows and with either side a scalar.</summary>
internal interface IBinary
{
    static abstract float Invoke(float a, float b);

    static abstract void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y);

    static abstract void Invoke(ReadOnlySpan<float> a, float b, Span<float> y);

    static abstract void Invoke(float a, ReadOnlySpan<float> b, Span<float> y);
}

internal readonly struct AddKernel : IBinary
{
    public static float Invoke(float a, float b) => a + b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Add(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Add(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Add(b, a, y);
}

internal readonly struct SubtractKernel : IBinary
{
    public static float Invoke(float a, float b) => a - b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Subtract(a, b, y);
}

internal readonly struct MultiplyKernel : IBinary
{
    public static float Invoke(float a, float b) => a * b;

    public static void Invoke(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Multiply(a, b, y);

    public static void Invoke(ReadOnlySpan<float> a, float b, Span<float> y) => TensorPrimitives.Multiply(a, b, y);

    public static void Invoke(float a, ReadOnlySpan<float> b, Span<float> y) => TensorPrimitives.Multiply(b, a, y);
}
