using System.Numerics.Tensors;

namespace Coppice.Tensors.Ops;

/// <summary><c>y = |x|</c>.</summary>
public sealed record Abs : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Abs(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes)
    {
        for (var i = 0; i < slopes.Length; i++)
            slopes[i] = x[i] > 0 ? 1 : x[i] < 0 ? -1 : 0;
    }
}

/// <summary><c>y = -x</c>.</summary>
public sealed record Negate : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Negate(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        slopes.Fill(-1);
}

/// <summary>-1, 0 or 1, as x is below, at or above 0; NaN stays NaN.</summary>
public sealed record Sign : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y)
    {
        for (var i = 0; i < y.Length; i++)
            y[i] = x[i] > 0 ? 1 : x[i] < 0 ? -1 : x[i];
    }

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        slopes.Clear();
}

/// <summary>The largest whole number not above x. Its gradient is 0, as in torch.</summary>
public sealed record Floor : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Floor(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        slopes.Clear();
}

/// <summary>The smallest whole number not below x. Its gradient is 0, as in torch.</summary>
public sealed record Ceiling : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Ceiling(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        slopes.Clear();
}

/// <summary>The nearest whole number, halves to even. Its gradient is 0, as in torch.</summary>
public sealed record Round : FunctionOp
{
    private protected override void Values(ReadOnlySpan<float> x, Span<float> y) => TensorPrimitives.Round(x, y);

    private protected override void Slopes(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> slopes) =>
        slopes.Clear();
}
