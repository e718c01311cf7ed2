using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Takes parts of a tensor by numbers: x of any type and I64 indices; negative indices count from the end.</summary>
/// <remarks>An index out of range is an <see cref="OpException"/> that names it, and nothing is written.</remarks>
public abstract record GatherOp : Op
{
    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 2 || inputs[0].DType.BitSize() % 8 != 0 || inputs[1].DType != DType.I64)
            throw Mismatch("a tensor and I64 indices are expected.", inputs);
        return Misfit(inputs[0].Shape, inputs[1].Shape) is { } why
            ? throw Mismatch(why, inputs)
            : [inputs[0] with { Shape = ShapeOf(inputs[0].Shape, inputs[1].Shape) }];
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        Blocks(x.Shape, inputs[1]).Gather(x, outputs[0]);
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradient = Tensor.Zeros(inputs[0].Shape);
        Blocks(inputs[0].Shape, inputs[1]).Combine<AddKernel>(RowMajor(outputGradients[0]!), gradient);
        return [gradient, null];
    }

    private protected abstract string? Misfit(Shape x, Shape indices);

    private protected abstract Shape ShapeOf(Shape x, Shape indices);

    private protected abstract BlockOffsets Blocks(Shape x, Tensor indices);
}

/// <summary>Blocks of one axis: x [.., N, ..], indices [I...] -> [.., I..., ..], as numpy.take.</summary>
/// <param name="Axis">The axis, counted from the outermost.</param>
public sealed record Gather(int Axis) : GatherOp
{
    private protected override string? Misfit(Shape x, Shape indices) => (uint)Axis < x.Rank ? null : $"there is no axis {Axis}.";

    private protected override Shape ShapeOf(Shape x, Shape indices) =>
        Shape.Create([.. x.Dims[..Axis], .. indices.Dims, .. x.Dims[(Axis + 1)..]]);

    private protected override BlockOffsets Blocks(Shape x, Tensor indices) => BlockOffsets.Along(Name, x, Axis, indices);
}

/// <summary>
/// One element for each index, from the index's own place but for one axis: <c>y[i, j] = x[indices[i, j], j]</c>, as torch.gather.
/// </summary>
/// <param name="Axis">The axis that indices count along, from the outermost.</param>
public sealed record GatherElements(int Axis) : GatherOp
{
    private protected override string? Misfit(Shape x, Shape indices) => ElementsMisfit(x, indices, Axis);

    private protected override Shape ShapeOf(Shape x, Shape indices) => indices;

    private protected override BlockOffsets Blocks(Shape x, Tensor indices) => BlockOffsets.Elements(Name, x, Axis, indices);

    internal static string? ElementsMisfit(Shape x, Shape indices, int axis)
    {
        if ((uint)axis >= x.Rank || indices.Rank != x.Rank)
            return $"x and the indices must have equally many axes, and an axis {axis}.";
        for (var i = 0; i < x.Rank; i++)
            if (i != axis && indices[i] > x[i])
                return $"the indices have size {indices[i]} at axis {i}, x only {x[i]}.";
        return null;
    }
}

/// <summary>Blocks by rows of indices: <c>y[b, i...] = x[b, indices[b, i..., 0], indices[b, i..., 1], ...]</c>.</summary>
/// <param name="BatchAxes">Leading axes that x and the indices share.</param>
public sealed record GatherND(int BatchAxes = 0) : GatherOp
{
    private protected override string? Misfit(Shape x, Shape indices) => RowsMisfit(x, indices, BatchAxes);

    private protected override Shape ShapeOf(Shape x, Shape indices) =>
        Shape.Create([.. indices.Dims[..^1], .. x.Dims[(BatchAxes + indices[^1])..]]);

    private protected override BlockOffsets Blocks(Shape x, Tensor indices) => BlockOffsets.Rows(Name, x, BatchAxes, indices);

    internal static string? RowsMisfit(Shape x, Shape indices, int batchAxes) =>
        batchAxes < 0 || indices.Rank <= batchAxes || x.Rank < batchAxes || indices[^1] > x.Rank - batchAxes
            ? $"rows of indices, as long as x has axes at most, are expected behind {batchAxes} batch axes."
        : !x.Dims[..batchAxes].SequenceEqual(indices.Dims[..batchAxes]) ? $"the {batchAxes} batch axes must have equal sizes."
        : null;
}
