using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Lays the windows of an image side by side: F32 [B, C, sizes...] -> [B, C, kernel places, windows].</summary>
/// <remarks>
/// Any number of axes, each with its own step, dilation and padding. What Conv2d and the pooling ops do faster for square windows, a matrix
/// product or a reduction does on the result for all others.
/// </remarks>
/// <param name="Kernel">Sizes of a window.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Dilation">Positions from one place of a window to the next.</param>
/// <param name="Before">Entries added in front of each axis.</param>
/// <param name="After">Entries added behind each axis.</param>
/// <param name="Value">What the added entries hold.</param>
public sealed record Unfold(IntList Kernel, IntList Stride, IntList Dilation, IntList Before, IntList After, float Value = 0) : Op
{
    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || inputs[0].DType != DType.F32 || inputs[0].Shape.Rank < 3)
            throw Mismatch("one F32 tensor [B, C, sizes...] is expected.", inputs);
        var x = inputs[0].Shape;
        if (WindowShape.Misfit(x.Rank - 2, Kernel, Stride, Dilation, Before, After) is { } why)
            throw Mismatch(why, inputs);
        var windows = ShapeOf(IntList.Create(x.Dims[2..]));
        return Array.Exists(windows.Windows, count => count < 1)
            ? throw Mismatch($"the kernel {Kernel} does not fit into the padded image.", inputs)
            : [new(DType.F32, [x[0], x[1], windows.KernelSize, windows.WindowCount])];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        var sizes = IntList.Create(x.Shape.Dims[2..]);
        var (shape, step, fill, width) = (ShapeOf(sizes), Stride[^1], Value, sizes[^1]);
        var (planes, image, columns) = (x.Shape[0] * x.Shape[1], shape.ImageSize, shape.KernelSize * shape.WindowCount);
        float* from = x.Pointer<float>(), to = outputs[0].Pointer<float>();
        Workers.For(planes, plane =>
        {
            float* source = from + (long)plane * image, target = to + (long)plane * columns;
            shape.ForRuns((column, row, start) =>
            {
                for (var i = 0; i < shape.Windows[^1]; i++, start += step)
                    target[column + i] = row >= 0 && (uint)start < (uint)width ? source[row + start] : fill;
            });
        });
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [ApplySingle(new Fold(IntList.Create(inputs[0].Shape.Dims[2..]), Kernel, Stride, Dilation, Before, After), outputGradients[0]!)];

    private WindowShape ShapeOf(IntList sizes) => new(sizes, Kernel, Stride, Dilation, Before, After);
}

/// <summary>Adds windows up to the image they were laid out from: F32 [B, C, kernel places, windows] -> [B, C, sizes...].</summary>
/// <remarks>The gradient of <see cref="Unfold"/>, and half of a transposed convolution.</remarks>
/// <param name="Sizes">Sizes of the image.</param>
/// <param name="Kernel">Sizes of a window.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Dilation">Positions from one place of a window to the next.</param>
/// <param name="Before">Entries in front of each axis that are dropped.</param>
/// <param name="After">Entries behind each axis that are dropped.</param>
public sealed record Fold(IntList Sizes, IntList Kernel, IntList Stride, IntList Dilation, IntList Before, IntList After) : Op, ISizedOp
{
    IReadOnlyList<int> ISizedOp.Sizes => [.. Sizes];

    Op ISizedOp.WithSizes(ReadOnlySpan<int> sizes) => this with { Sizes = IntList.Create(sizes) };

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || inputs[0].DType != DType.F32 || inputs[0].Shape.Rank != 4 || Sizes.Count < 1 || Sizes.Any(size => size < 0))
            throw Mismatch("one F32 tensor [B, C, kernel places, windows], and sizes of an image, are expected.", inputs);
        if (WindowShape.Misfit(Sizes.Count, Kernel, Stride, Dilation, Before, After) is { } why)
            throw Mismatch(why, inputs);
        var (x, windows) = (inputs[0].Shape, ShapeOf());
        return Array.Exists(windows.Windows, count => count < 1) || x[2] != windows.KernelSize || x[3] != windows.WindowCount
            ? throw Mismatch($"windows of {Kernel} on an image of {Sizes} are not {x[2]} by {x[3]}.", inputs)
            : [new(DType.F32, [x[0], x[1], .. Sizes])];
    }

    /// <inheritdoc/>
    public override unsafe void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        var (shape, step, width) = (ShapeOf(), Stride[^1], Sizes[^1]);
        var (planes, image, columns) = (x.Shape[0] * x.Shape[1], shape.ImageSize, shape.KernelSize * shape.WindowCount);
        float* from = x.Pointer<float>(), to = outputs[0].Pointer<float>();
        Workers.For(planes, plane =>
        {
            float* source = from + (long)plane * columns, target = to + (long)plane * image;
            new Span<float>(target, image).Clear();
            shape.ForRuns((column, row, start) =>
            {
                for (var i = 0; i < shape.Windows[^1]; i++, start += step)
                    if (row >= 0 && (uint)start < (uint)width)
                        target[row + start] += source[column + i];
            });
        });
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [ApplySingle(new Unfold(Kernel, Stride, Dilation, Before, After), outputGradients[0]!)];

    private WindowShape ShapeOf() => new(Sizes, Kernel, Stride, Dilation, Before, After);
}
