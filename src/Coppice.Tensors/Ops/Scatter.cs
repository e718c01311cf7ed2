using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>What is done with an update and the element in its place.</summary>
public enum ScatterKind
{
    /// <summary>The update takes the place; the last one where there are several.</summary>
    Assign,
    /// <summary>Their sum.</summary>
    Add,
    /// <summary>Their product.</summary>
    Multiply,
    /// <summary>The larger.</summary>
    Maximum,
    /// <summary>The smaller.</summary>
    Minimum,
}

/// <summary>
/// Puts updates into a copy of a tensor: x, I64 indices, updates of x's type -> x's shape. Negative indices count from the end.
/// </summary>
/// <remarks>An index out of range is an <see cref="OpException"/> that names it.</remarks>
/// <param name="Kind">What is done with an update.</param>
public abstract record ScatterOp(ScatterKind Kind) : Op
{
    /// <inheritdoc/>
    public override string? NoGradient =>
        Kind is ScatterKind.Assign or ScatterKind.Add ? null : $"the gradient of scattering by {Kind} is not written";

    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 3 || inputs[1].DType != DType.I64 || inputs[0].DType != inputs[2].DType || inputs[0].DType.BitSize() % 8 != 0
            || (Kind != ScatterKind.Assign && !NumberTypes.Has(inputs[0].DType)))
            throw Mismatch("a tensor, I64 indices and updates of the tensor's type are expected.", inputs);
        return Misfit(inputs[0].Shape, inputs[1].Shape, inputs[2].Shape) is { } why ? throw Mismatch(why, inputs) : [inputs[0]];
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (updates, y) = (RowMajor(inputs[2]), outputs[0]);
        var blocks = Blocks(inputs[0].Shape, inputs[1]);
        StridedCopy.Run(inputs[0], y);
        switch (Kind)
        {
            case ScatterKind.Assign: blocks.Scatter(updates, y); break;
            case ScatterKind.Add: blocks.Combine<AddKernel>(updates, y); break;
            case ScatterKind.Multiply: blocks.Combine<MultiplyKernel>(updates, y); break;
            case ScatterKind.Maximum: blocks.Combine<MaximumKernel>(updates, y); break;
            default: blocks.Combine<MinimumKernel>(updates, y); break;
        }
        GC.KeepAlive(updates);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        if (NoGradient is not null)
            return base.Backward(inputs, outputs, outputGradients);
        var (blocks, gradient, updates) = (Blocks(inputs[0].Shape, inputs[1]), RowMajor(outputGradients[0]!), Tensor.Zeros(inputs[2].Shape));
        blocks.Gather(gradient, updates);
        if (Kind == ScatterKind.Add)
            return [gradient, null, updates];
        var kept = Tensor.Empty(gradient.Shape);
        kept.CopyFrom(gradient);
        blocks.Scatter(Tensor.Zeros(updates.Shape), kept);
        return [kept, null, updates];
    }

    private protected abstract string? Misfit(Shape x, Shape indices, Shape updates);

    private protected abstract BlockOffsets Blocks(Shape x, Tensor indices);
}

/// <summary>Puts one element for each index, at the index's own place but for one axis, as torch.scatter.</summary>
/// <param name="Axis">The axis that indices count along, from the outermost.</param>
/// <param name="Kind">What is done with an update.</param>
public sealed record ScatterElements(int Axis, ScatterKind Kind = ScatterKind.Assign) : ScatterOp(Kind)
{
    private protected override string? Misfit(Shape x, Shape indices, Shape updates) =>
        indices != updates ? "indices and updates must have one shape." : GatherElements.ElementsMisfit(x, indices, Axis);

    private protected override BlockOffsets Blocks(Shape x, Tensor indices) => BlockOffsets.Elements(Name, x, Axis, indices);
}

/// <summary>Puts blocks by rows of indices: <c>y[indices[i..., 0], indices[i..., 1], ...] = updates[i...]</c>.</summary>
/// <param name="Kind">What is done with an update.</param>
public sealed record ScatterND(ScatterKind Kind = ScatterKind.Assign) : ScatterOp(Kind)
{
    private protected override string? Misfit(Shape x, Shape indices, Shape updates)
    {
        if (GatherND.RowsMisfit(x, indices, 0) is { } why)
            return why;
        var expected = Shape.Create([.. indices.Dims[..^1], .. x.Dims[indices[^1]..]]);
        return updates == expected ? null : $"the updates must have shape {expected}.";
    }

    private protected override BlockOffsets Blocks(Shape x, Tensor indices) => BlockOffsets.Rows(Name, x, 0, indices);
}
