using Coppice.Tensors.Autograd;

namespace Coppice.Tensors.Ops;

/// <summary>The axes in another order: axis i of the result is axis Axes[i] of the input.</summary>
/// <param name="Axes">Every axis once.</param>
public sealed record Permute(IntList Axes) : ViewOp
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        if (!Axes.Order().SequenceEqual(Enumerable.Range(0, shape.Rank)))
            throw Mismatch($"{Axes} are not its {shape.Rank} axes, each once.", inputs);
        return [inputs[0] with { Shape = Shape.Create(Select(shape.Dims)) }];
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape) =>
        new(input.Storage, input.Offset, shape, Select(input.Strides), input.DType);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var back = new int[Axes.Count];
        for (var axis = 0; axis < back.Length; axis++)
            back[Axes[axis]] = axis;
        return [outputGradients[0]!.Permute(back)];
    }

    private int[] Select(ReadOnlySpan<int> values)
    {
        var selected = new int[values.Length];
        for (var axis = 0; axis < selected.Length; axis++)
            selected[axis] = values[Axes[axis]];
        return selected;
    }
}

/// <summary>Adds an axis of size 1.</summary>
/// <param name="Axis">Its place in the result.</param>
public sealed record Unsqueeze(int Axis) : ViewOp
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) => Axis >= 0 && Axis <= inputs[0].Shape.Rank
        ? [inputs[0] with { Shape = Shape.Create([.. inputs[0].Shape.Dims[..Axis], 1, .. inputs[0].Shape.Dims[Axis..]]) }]
        : throw Mismatch($"an axis can't be added at {Axis}, only at 0 to {inputs[0].Shape.Rank}.", inputs);

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape) => GradientMath.Unsqueeze(input, Axis);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [outputGradients[0]!.Squeeze(Axis)];
}

/// <summary>Repeats axes of size 1 up to the sizes of a shape, as numpy's broadcast_to; new axes come first.</summary>
/// <param name="To">The shape of the result.</param>
public sealed record Expand(Shape To) : ViewOp, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [.. To];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => new Expand(Shape.Create(sizes));

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        Kernels.Broadcast.TryShape(inputs[0].Shape, To, out var shape, out _) && shape == To
            ? [inputs[0] with { Shape = To }]
            : throw Mismatch($"it can't be repeated to {To}; sizes must be equal, or 1 in the input.", inputs);

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape) =>
        new(input.Storage, input.Offset, shape, Kernels.TypedBroadcast.Strides(input, shape), input.DType);

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [GradientMath.SumTo(outputGradients[0]!, inputs[0])];
}

/// <summary>Every Step-th entry of one axis: <c>Start, Start + Step, ...</c>, Count of them; a negative step goes backwards.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="Start">The first entry.</param>
/// <param name="Count">How many.</param>
/// <param name="Step">Entries from one to the next; not 0.</param>
public sealed record Slice(int Axis, int Start, int Count, int Step) : ViewOp, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [Start, Count];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => this with { Start = sizes[0], Count = sizes[1] };

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        var last = Start + (Count - 1L) * Step;
        if ((uint)Axis >= shape.Rank || Step == 0 || Count < 0
            || (Count > 0 && ((uint)Start >= shape[Axis] || last < 0 || last >= shape[Axis])))
            throw Mismatch($"{Count} entries of axis {Axis} from {Start} in steps of {Step} are not all there.", inputs);
        return [inputs[0] with { Shape = shape.With(Axis, Count) }];
    }

    /// <inheritdoc/>
    protected override Tensor View(Tensor input, Shape shape)
    {
        var strides = input.Strides.ToArray();
        strides[Axis] *= Step;
        return new(input.Storage, input.Offset + (Count == 0 ? 0 : (long)Start * input.Strides[Axis]), shape, strides, input.DType);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var gradient = Tensor.Zeros(inputs[0].Shape, inputs[0].DType);
        View(gradient, outputs[0].Shape).CopyFrom(outputGradients[0]!);
        return [gradient];
    }
}
