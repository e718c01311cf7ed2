using System.Text;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>An op whose output looks at its input's memory through another shape; nothing is copied.</summary>
public abstract record ViewOp : Op
{
    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        throw new InvalidOperationException($"{Name} makes a view; it never computes into given memory.");

    /// <inheritdoc/>
    protected override Tensor[] Run(ReadOnlySpan<Tensor> inputs)
    {
        var spec = Infer(SpecsOf(inputs))[0];
        return [View(inputs[0], spec.Shape)];
    }

    /// <summary>The view of <paramref name="input"/> with the inferred shape.</summary>
    protected abstract Tensor View(Tensor input, Shape shape);
}

/// <summary>The same elements, row-major, under another shape; one size may be -1 and is computed.</summary>
public sealed record Reshape(params int[] Sizes) : ViewOp, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => Sizes;

    /// <summary>Whether both ask for the same sizes.</summary>
    public bool Equals(Reshape? other) => other is not null && Sizes.AsSpan().SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override int GetHashCode() => Shape.HashOf(Sizes);

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => new Reshape(sizes.ToArray());

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var count = inputs[0].Shape.Count;
        var sizes = (int[])Sizes.Clone();
        var known = 1L;
        var free = -1;
        for (var axis = 0; axis < sizes.Length; axis++)
        {
            if (sizes[axis] != -1)
                known *= sizes[axis];
            else if (free == -1)
                free = axis;
            else
                throw Mismatch("only one size may be -1.", inputs);
        }
        if (free >= 0 && known > 0)
            sizes[free] = checked((int)(count / known));
        if (Array.Exists(sizes, size => size < 0) || Shape.Create(sizes).Count != count)
            throw Mismatch($"{count} elements do not fit [{string.Join(", ", Sizes)}].", inputs);
        return [inputs[0] with { Shape = Shape.Create(sizes) }];
    }

    /// <inheritdoc/>
    protected override bool PrintMembers(StringBuilder builder)
    {
        builder.Append($"Sizes = [{string.Join(", ", Sizes)}]");
        return true;
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape)
    {
        var source = RowMajor(input);
        return new Tensor(source.Storage, source.Offset, shape, shape.ContiguousStrides(), source.DType);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Reshape([.. inputs[0].Shape.Dims])];
}

/// <summary>Swaps two axes.</summary>
public sealed record Transpose(int Axis0, int Axis1) : ViewOp
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        if ((uint)Axis0 >= shape.Rank || (uint)Axis1 >= shape.Rank)
            throw Mismatch($"there is no axis {Axis0} or {Axis1}.", inputs);
        return [inputs[0] with { Shape = shape.With(Axis0, shape[Axis1]).With(Axis1, shape[Axis0]) }];
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape)
    {
        var strides = input.Strides.ToArray();
        (strides[Axis0], strides[Axis1]) = (strides[Axis1], strides[Axis0]);
        return new Tensor(input.Storage, input.Offset, shape, strides, input.DType);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Transpose(Axis0, Axis1)];
}

/// <summary>Entries <c>Start .. Start+Length</c> of one axis.</summary>
public sealed record Narrow(int Axis, int Start, int Length) : ViewOp, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [Start, Length];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => new Narrow(Axis, sizes[0], sizes[1]);

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        if ((uint)Axis >= shape.Rank || Start < 0 || Length < 0 || Start + Length > shape[Axis])
            throw Mismatch($"entries {Start}..{Start + Length} of axis {Axis} are out of range.", inputs);
        return [inputs[0] with { Shape = shape.With(Axis, Length) }];
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape) =>
        new(input.Storage, input.Offset + (long)Start * input.Strides[Axis], shape, input.Strides.ToArray(), input.DType);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var part = RowMajor(outputGradients[0]!);
        if (part.DType == DType.F32)
        {
            var (target, adds) = GradientMath.TargetOf(inputs[0]);
            WindowGradient.Run(part, target, Axis, Start, adds);
            return [target];
        }
        var gradient = Tensor.Zeros(inputs[0].Shape, inputs[0].DType);
        gradient.Narrow(Axis, Start, Length).CopyFrom(part);
        return [gradient];
    }
}

/// <summary>A row-major copy of a strided view.</summary>
public sealed record Contiguous : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) => [inputs[0]];

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs) =>
        StridedCopy.Run(inputs[0], outputs[0]);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]];
}

/// <summary>Drops one axis of size 1.</summary>
public sealed record Squeeze(int Axis) : ViewOp
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        if ((uint)Axis >= shape.Rank || shape[Axis] != 1)
            throw Mismatch($"axis {Axis} is not one of size 1.", inputs);
        return [inputs[0] with { Shape = Shape.Create([.. shape.Dims[..Axis], .. shape.Dims[(Axis + 1)..]]) }];
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape) =>
        new(input.Storage, input.Offset, shape, [.. input.Strides[..Axis], .. input.Strides[(Axis + 1)..]], input.DType);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [GradientMath.Unsqueeze(outputGradients[0]!, Axis)];
}
