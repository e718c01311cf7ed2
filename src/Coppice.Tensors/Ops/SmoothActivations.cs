namespace Coppice.Tensors.Ops;

/// <summary><c>y = min(max(Alpha x + Beta, 0), 1)</c>.</summary>
/// <param name="Alpha">Slope in the middle.</param>
/// <param name="Beta">Value at 0.</param>
public sealed record HardSigmoid(float Alpha = 0.2f, float Beta = 0.5f) : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = Math.Clamp(Alpha * x[i] + Beta, 0, 1);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = y[i] > 0 && y[i] < 1 ? Alpha : 0;
    }
}

/// <summary><c>y = x min(max(x / 6 + 1/2, 0), 1)</c> (Howard et al. 2019).</summary>
public sealed record HardSwish : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] * Math.Clamp(x[i] / 6 + 0.5f, 0, 1);
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] <= -3 ? 0 : x[i] >= 3 ? 1 : x[i] / 3 + 0.5f;
    }
}

/// <summary><c>y = x tanh(log(1 + e^x))</c> (Misra 2019).</summary>
public sealed record Mish : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] * MathF.Tanh(MathF.Max(x[i], 0) + float.LogP1(MathF.Exp(-MathF.Abs(x[i]))));
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = Slope(x[i]);
    }

    // y = x t with t = tanh(softplus(x)), whose derivative is (1 - t^2) sigmoid(x).
    private static float Slope(float x)
    {
        var t = MathF.Tanh(MathF.Max(x, 0) + float.LogP1(MathF.Exp(-MathF.Abs(x))));
        return t + x * (1 - t * t) / (1 + MathF.Exp(-x));
    }
}

/// <summary><c>y = x / (1 + |x|)</c>.</summary>
public sealed record Softsign : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] / (1 + MathF.Abs(x[i]));
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = 1 / ((1 + MathF.Abs(x[i])) * (1 + MathF.Abs(x[i])));
    }
}
