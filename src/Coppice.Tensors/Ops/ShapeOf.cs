namespace Coppice.Tensors.Ops;

/// <summary>The sizes of a tensor's axes: [...] -> I64 [rank].</summary>
public sealed record ShapeOf : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => "sizes do not depend on values";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) => inputs.Length == 1
        ? [new(DType.I64, [inputs[0].Shape.Rank])]
        : throw Mismatch("one tensor is expected.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var sizes = outputs[0].AsSpan<long>();
        for (var axis = 0; axis < sizes.Length; axis++)
            sizes[axis] = inputs[0].Shape[axis];
    }
}
