namespace Coppice.Tensors.Ops;

/// <summary>Adds entries of one value at both ends of an axis: F32 [..., N, ...] -> [..., Before + N + After, ...].</summary>
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
        if (inputs.Length != 1 || inputs[0].DType != DType.F32 || (uint)Axis >= inputs[0].Shape.Rank)
            throw Mismatch($"one F32 tensor with an axis {Axis} is expected.", inputs);
        if (Before < 0 || After < 0)
            throw Mismatch($"{Before} and {After} entries can't be added; use Narrow to take entries away.", inputs);
        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, checked(Before + inputs[0].Shape[Axis] + After)) }];
    }

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, y) = (inputs[0], outputs[0]);
        y.AsSpan<float>().Fill(Value);
        var inside = new Tensor(y.Storage, y.Offset + (long)Before * y.Strides[Axis], x.Shape, y.Strides.ToArray(), y.DType);
        Kernels.StridedCopy.Run(x, inside);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Narrow(Axis, Before, inputs[0].Shape[Axis])];
}
