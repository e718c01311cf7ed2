using System.Numerics.Tensors;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = e^x</c>.</summary>
public sealed record Exp : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Exp(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        y.CopyTo(slopes);
}

/// <summary>The natural logarithm; NaN below 0, negative infinity at 0.</summary>
public sealed record Log : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Log(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        TensorPrimitives.Reciprocal(x, slopes);
}

/// <summary>The square root; NaN below 0.</summary>
public sealed record Sqrt : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Sqrt(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 0.5f / y[i];
    }
}

/// <summary><c>y = 1 / x</c>.</summary>
public sealed record Reciprocal : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Divide(1f, x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = -y[i] * y[i];
    }
}

/// <summary><c>y = log(1 + e^x)</c>.</summary>
public sealed record Softplus : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Max(x[i], 0) + float.LogP1(MathF.Exp(-MathF.Abs(x[i])));
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / (1 + MathF.Exp(-x[i]));
    }
}
