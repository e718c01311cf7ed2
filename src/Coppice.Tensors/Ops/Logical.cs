using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Functions of two truth values.</summary>
public enum LogicalKind
{
    /// <summary>Both are true.</summary>
    And,
    /// <summary>One at least is true.</summary>
    Or,
    /// <summary>One alone is true.</summary>
    Xor,
}

/// <summary>A function of two Bool tensors, element by element with numpy's broadcasting: [...], [...] -> Bool [...].</summary>
/// <param name="Kind">The function.</param>
public sealed record Logical(LogicalKind Kind) : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => "a truth value only jumps, it never changes smoothly";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || inputs[0].DType != DType.Bool || inputs[1].DType != DType.Bool)
            throw Mismatch("two Bool tensors are expected.", inputs);
        return Broadcast.TryShape(inputs[0].Shape, inputs[1].Shape, out var shape, out var axis)
            ? [new(DType.Bool, shape)]
            : throw Mismatch($"sizes at axis {axis} (from the end) differ and neither is 1, so the shapes do not broadcast.", inputs);
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        switch (Kind)
        {
            case LogicalKind.And: TypedBroadcast.Compare<And>(inputs[0], inputs[1], outputs[0]); break;
            case LogicalKind.Or: TypedBroadcast.Compare<Or>(inputs[0], inputs[1], outputs[0]); break;
            default: TypedBroadcast.Compare<Xor>(inputs[0], inputs[1], outputs[0]); break;
        }
    }

    private readonly struct And : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => !T.IsZero(a) && !T.IsZero(b);
    }

    private readonly struct Or : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => !T.IsZero(a) || !T.IsZero(b);
    }

    private readonly struct Xor : IComparison
    {
        public static bool Invoke<T>(T a, T b) where T : INumber<T> => T.IsZero(a) != T.IsZero(b);
    }
}
