using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>A value for each window of an image: F32 x [B, C, H, W] -> [B, C, H', W'], each channel by itself.</summary>
public abstract record PoolOp : Op
{
    /// <inheritdoc/>
    public sealed override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs)
    {
        if (inputs.Length != 1 || inputs[0].DType != DType.F32 || inputs[0].Shape.Rank != 4)
            throw Mismatch("one F32 tensor [B, C, H, W] is expected.", inputs);
        var x = inputs[0].Shape;
        if (Misfit(x) is { } why)
            throw Mismatch(why, inputs);
        return [new(DType.F32, [x[0], x[1], Rows(x[2]).Windows, Columns(x[3]).Windows])];
    }

    /// <inheritdoc/>
    public sealed override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var x = RowMajor(inputs[0]);
        Compute(KernelsFor(x.Shape), x, outputs[0]);
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public sealed override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients)
    {
        var (x, dy, dx) = (RowMajor(inputs[0]), RowMajor(outputGradients[0]!), Tensor.Empty(inputs[0].Shape));
        Differentiate(KernelsFor(x.Shape), x, dy, dx);
        GC.KeepAlive(x);
        GC.KeepAlive(dy);
        return [dx];
    }

    private protected abstract string? Misfit(Shape x);

    private protected abstract PoolAxis Rows(int height);

    private protected abstract PoolAxis Columns(int width);

    private protected abstract void Compute(PoolKernels pool, Tensor x, Tensor y);

    private protected abstract void Differentiate(PoolKernels pool, Tensor x, Tensor dy, Tensor dx);

    /// <summary>Why windows of one size don't fit an image, or null.</summary>
    private protected static string? SlidingMisfit(Shape x, int kernel, int stride, int padding) =>
        kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2
            ? $"kernel {kernel} and stride {stride} must be 1 or more, padding {padding} from 0 to half the kernel."
        : Math.Min(x[2], x[3]) + 2L * padding < kernel ? $"the kernel {kernel} does not fit into the padded input."
        : null;

    private PoolKernels KernelsFor(Shape x) => new((long)x[0] * x[1], Rows(x[2]), Columns(x[3]));
}

/// <summary>The largest value of each window, as torch.nn.functional.max_pool2d; NaN where a window holds one.</summary>
/// <remarks>The gradient goes to the first of equal values. Padding is never the largest.</remarks>
/// <param name="Kernel">Height and width of a window.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Padding">Positions added on each side, at most half the kernel.</param>
public sealed record MaxPool2d(int Kernel, int Stride, int Padding = 0) : PoolOp
{
    private protected override string? Misfit(Shape x) => SlidingMisfit(x, Kernel, Stride, Padding);

    private protected override PoolAxis Rows(int height) => PoolAxis.Sliding(height, Kernel, Stride, Padding);

    private protected override PoolAxis Columns(int width) => Rows(width);

    private protected override unsafe void Compute(PoolKernels pool, Tensor x, Tensor y) =>
        pool.Max(x.Pointer<float>(), y.Pointer<float>());

    private protected override unsafe void Differentiate(PoolKernels pool, Tensor x, Tensor dy, Tensor dx) =>
        pool.MaxGradient(x.Pointer<float>(), dy.Pointer<float>(), dx.Pointer<float>());
}

/// <summary>The mean of each window, as torch.nn.functional.avg_pool2d: padding counts, as zeros.</summary>
/// <param name="Kernel">Height and width of a window.</param>
/// <param name="Stride">Positions from one window to the next.</param>
/// <param name="Padding">Positions added on each side, at most half the kernel.</param>
public sealed record AvgPool2d(int Kernel, int Stride, int Padding = 0) : PoolOp
{
    private protected override string? Misfit(Shape x) => SlidingMisfit(x, Kernel, Stride, Padding);

    private protected override PoolAxis Rows(int height) => PoolAxis.Sliding(height, Kernel, Stride, Padding);

    private protected override PoolAxis Columns(int width) => Rows(width);

    private protected override unsafe void Compute(PoolKernels pool, Tensor x, Tensor y) =>
        pool.Average(x.Pointer<float>(), y.Pointer<float>());

    private protected override unsafe void Differentiate(PoolKernels pool, Tensor x, Tensor dy, Tensor dx) =>
        pool.AverageGradient(dy.Pointer<float>(), dx.Pointer<float>());
}

/// <summary>The means of as many windows as asked for, as torch.nn.functional.adaptive_avg_pool2d; 1 by 1 is the global average.</summary>
/// <remarks>Window i of n along an axis of size s goes from <c>floor(i s / n)</c> up to <c>ceil((i + 1) s / n)</c>.</remarks>
/// <param name="Height">H'.</param>
/// <param name="Width">W'.</param>
public sealed record AdaptiveAvgPool2d(int Height, int Width) : PoolOp
{
    private protected override string? Misfit(Shape x) => Height < 1 || Width < 1 || x[2] < 1 || x[3] < 1
        ? "sizes of the image and of the output must be 1 or more."
        : null;

    private protected override PoolAxis Rows(int height) => PoolAxis.Adaptive(height, Height);

    private protected override PoolAxis Columns(int width) => PoolAxis.Adaptive(width, Width);

    private protected override unsafe void Compute(PoolKernels pool, Tensor x, Tensor y) =>
        pool.Average(x.Pointer<float>(), y.Pointer<float>());

    private protected override unsafe void Differentiate(PoolKernels pool, Tensor x, Tensor dy, Tensor dx) =>
        pool.AverageGradient(dy.Pointer<float>(), dx.Pointer<float>());
}
