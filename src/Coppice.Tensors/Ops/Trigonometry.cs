namespace Coppice.Tensors.Ops;

/// <summary>The sine of an angle in radians.</summary>
public sealed record Sin : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Sin(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = MathF.Cos(x[i]);
    }
}

/// <summary>The cosine of an angle in radians.</summary>
public sealed record Cos : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Cos(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = -MathF.Sin(x[i]);
    }
}

/// <summary>The tangent of an angle in radians.</summary>
public sealed record Tan : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Tan(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 + y[i] * y[i];
    }
}

/// <summary>The angle, in radians, whose sine is x; NaN outside of -1..1.</summary>
public sealed record Asin : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Asin(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / MathF.Sqrt(1 - x[i] * x[i]);
    }
}

/// <summary>The angle, in radians, whose cosine is x; NaN outside of -1..1.</summary>
public sealed record Acos : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Acos(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = -1 / MathF.Sqrt(1 - x[i] * x[i]);
    }
}

/// <summary>The angle, in radians, whose tangent is x.</summary>
public sealed record Atan : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Atan(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / (1 + x[i] * x[i]);
    }
}

/// <summary>The hyperbolic sine.</summary>
public sealed record Sinh : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Sinh(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = MathF.Cosh(x[i]);
    }
}

/// <summary>The hyperbolic cosine.</summary>
public sealed record Cosh : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Cosh(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = MathF.Sinh(x[i]);
    }
}

/// <summary>The inverse of the hyperbolic sine.</summary>
public sealed record Asinh : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Asinh(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / MathF.Sqrt(x[i] * x[i] + 1);
    }
}

/// <summary>The inverse of the hyperbolic cosine; NaN below 1.</summary>
public sealed record Acosh : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Acosh(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / MathF.Sqrt(x[i] * x[i] - 1);
    }
}

/// <summary>The inverse of the hyperbolic tangent; NaN outside of -1..1.</summary>
public sealed record Atanh : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = MathF.Atanh(x[i]);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / (1 - x[i] * x[i]);
    }
}
