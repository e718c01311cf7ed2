using System.Numerics.Tensors;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = x</c> above 0, else <c>Alpha x</c> (Maas et al. 2013).</summary>
/// <param name="Alpha">Slope below 0.</param>
public sealed record LeakyRelu(float Alpha) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] < 0 ? Alpha * x[i] : x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] < 0 ? Alpha : 1;
    }
}

/// <summary><c>y = x</c> above 0, else <c>Alpha (e^x - 1)</c> (Clevert et al. 2016).</summary>
/// <param name="Alpha">Minus the limit at negative infinity.</param>
public sealed record Elu(float Alpha) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] < 0 ? Alpha * float.ExpM1(x[i]) : x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] < 0 ? y[i] + Alpha : 1;
    }
}

/// <summary><c>y = x</c> above 0, else <c>Alpha (e^(x / Alpha) - 1)</c> (Barron 2017).</summary>
/// <param name="Alpha">Minus the limit at negative infinity.</param>
public sealed record Celu(float Alpha) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] < 0 ? Alpha * float.ExpM1(x[i] / Alpha) : x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] < 0 ? y[i] / Alpha + 1 : 1;
    }
}

/// <summary><c>y = Gamma x</c> above 0, else <c>Gamma Alpha (e^x - 1)</c> (Klambauer et al. 2017).</summary>
/// <param name="Alpha">The paper's alpha.</param>
/// <param name="Gamma">The paper's lambda.</param>
public sealed record Selu(float Alpha = 1.67326319f, float Gamma = 1.05070102f) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] < 0 ? Gamma * Alpha * float.ExpM1(x[i]) : Gamma * x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] < 0 ? y[i] + Gamma * Alpha : Gamma;
    }
}

/// <summary><c>y = x</c> above Alpha, else 0 (Konda et al. 2014).</summary>
/// <param name="Alpha">The threshold.</param>
public sealed record ThresholdedRelu(float Alpha) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] <= Alpha ? 0 : x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] > Alpha ? 1 : 0;
    }
}

/// <summary><c>y = x + Bias</c> below -Lambda, <c>x - Bias</c> above Lambda, 0 in between.</summary>
/// <param name="Lambda">The threshold.</param>
/// <param name="Bias">What is taken off the magnitude.</param>
public sealed record Shrink(float Lambda, float Bias) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] < -Lambda ? x[i] + Bias : x[i] > Lambda ? x[i] - Bias : x[i] * 0;
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = MathF.Abs(x[i]) > Lambda ? 1 : 0;
    }
}

/// <summary>x, but no less than Minimum and no more than Maximum; NaN stays NaN.</summary>
/// <param name="Minimum">The smallest value.</param>
/// <param name="Maximum">The largest value; it wins where it is below Minimum.</param>
public sealed record Clip(float Minimum, float Maximum) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Clamp(x, Minimum, Maximum, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] >= Minimum && x[i] <= Maximum ? 1 : 0;
    }
}
