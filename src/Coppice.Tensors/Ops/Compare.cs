using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>What is asked about two numbers.</summary>
public enum Comparison
{
    /// <summary><c>a == b</c></summary>
    Equal,
    /// <summary><c>a != b</c></summary>
    NotEqual,
    /// <summary><c>a &lt; b</c></summary>
    Less,
    /// <summary><c>a &lt;= b</c></summary>
    LessOrEqual,
    /// <summary><c>a > b</c></summary>
    Greater,
    /// <summary><c>a >= b</c></summary>
    GreaterOrEqual,
}

/// <summary>Compares two tensors of one type element by element, with numpy's broadcasting: [...], [...] -> Bool [...].</summary>
/// <param name="Kind">What is asked. Nothing but NotEqual is true of NaN.</param>
public sealed record Compare(Comparison Kind) : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => "a truth value only jumps, it never changes smoothly";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || !(NumberTypes.Has(inputs[0].DType) || inputs[0].DType == DType.Bool) || inputs[1].DType != inputs[0].DType)
            throw Mismatch("two tensors of one type, numbers or Bool, are expected.", inputs);
        return Broadcast.TryShape(inputs[0].Shape, inputs[1].Shape, out var shape, out var axis)
            ? [new(DType.Bool, shape)]
            : throw Mismatch($"sizes at axis {axis} (from the end) differ and neither is 1, so the shapes do not broadcast.", inputs);
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (a, b, y) = (inputs[0], inputs[1], outputs[0]);
        switch (Kind)
        {
            case Comparison.Equal: TypedBroadcast.Compare<Equal>(a, b, y); break;
            case Comparison.NotEqual: TypedBroadcast.Compare<NotEqual>(a, b, y); break;
            case Comparison.Less: TypedBroadcast.Compare<Less>(a, b, y); break;
            case Comparison.LessOrEqual: TypedBroadcast.Compare<LessOrEqual>(a, b, y); break;
            case Comparison.Greater: TypedBroadcast.Compare<Less>(b, a, y); break;
            default: TypedBroadcast.Compare<LessOrEqual>(b, a, y); break;
        }
    }

    private readonly struct Equal : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => a == b;
    }

    private readonly struct NotEqual : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => a != b;
    }

    private readonly struct Less : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => a < b;
    }

    private readonly struct LessOrEqual : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => a <= b;
    }
}
