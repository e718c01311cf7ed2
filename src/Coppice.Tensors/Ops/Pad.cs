using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>
/// Adds entries of one value at both ends of an axis, numbers of any type: [..., N, ...] -> [..., Before + N + After, ...].
/// </summary>
/// <param name="Axis">The axis, counted from the outermost.</param>
/// <param name="Before">Entries added in front.</param>
/// <param name="After">Entries added behind.</param>
/// <param name="Value">What they hold.</param>
public sealed record Pad(int Axis, int Before, int After, float Value = 0) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [Before, After];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => new Pad(Axis, sizes[0], sizes[1], Value);

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || !NumberTypes.Has(inputs[0].DType) || (uint)Axis >= inputs[0].Shape.Rank)
            throw Mismatch($"one tensor of numbers with an axis {Axis} is expected.", inputs);
        if (Before < 0 || After < 0)
            throw Mismatch($"{Before} and {After} entries can't be added; use Narrow to take entries away.", inputs);
        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, checked(Before + inputs[0].Shape[Axis] + After)) }];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, y) = (inputs[0], outputs[0]);
        NumberTypes.Run(y.DType, new Fill(y, Value));
        var inside = new Tensor(y.Storage, y.Offset + (long)Before * y.Strides[Axis], x.Shape, y.Strides.ToArray(), y.DType);
        StridedCopy.Run(x, inside);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Narrow(Axis, Before, inputs[0].Shape[Axis])];

    private readonly struct Fill(Tensor y, float value) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => y.AsSpan<T>().Fill(T.CreateSaturating(value));
    }
}
