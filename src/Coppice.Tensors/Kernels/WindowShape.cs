namespace Coppice.Tensors.Kernels;

/// <summary>Windows that slide over the axes of an image of any number of axes.</summary>
internal sealed class WindowShape(IntList sizes, IntList kernel, IntList stride, IntList dilation, IntList before, IntList after)
{
    /// <summary>How many windows there are along each axis; not positive where none fits.</summary>
    public int[] Windows { get; } = [.. Enumerable.Range(0, sizes.Count).Select(axis =>
        (int)Math.Floor(((double)sizes[axis] + before[axis] + after[axis] - dilation[axis] * (kernel[axis] - 1.0) - 1) / stride[axis]) + 1)];

    /// <summary>Elements of the image, of a window, and the number of windows.</summary>
    public int ImageSize => Product(sizes.Values);

    public int KernelSize => Product(kernel.Values);

    public int WindowCount => Product(Windows);

    /// <summary>Calls the body for each run of windows along the last axis and each place in the kernel.</summary>
    /// <param name="body">
    /// Gets the first place of the run in the columns [kernel, windows], the place in the image of the run's first window (-1 where the run
    /// is outside of it by another axis), and the position along the last axis that the run begins at.
    /// </param>
    public void ForRuns(Action<int, int, int> body)
    {
        var rank = sizes.Count;
        var runs = Product(Windows.AsSpan(0, rank - 1));
        for (var k = 0; k < KernelSize; k++)
            for (var run = 0; run < runs; run++)
            {
                var (inKernel, inRun, image, step) = (k / kernel[^1], run, 0, sizes[^1]);
                for (var axis = rank - 2; axis >= 0; axis--)
                {
                    (inKernel, var offset) = Math.DivRem(inKernel, kernel[axis]);
                    (inRun, var window) = Math.DivRem(inRun, Windows[axis]);
                    var position = window * stride[axis] + offset * dilation[axis] - before[axis];
                    image = image < 0 || (uint)position >= (uint)sizes[axis] ? -1 : image + position * step;
                    step *= sizes[axis];
                }
                body((k * runs + run) * Windows[^1], image, k % kernel[^1] * dilation[^1] - before[^1]);
            }
    }

    /// <summary>Why kernel and steps do not fit an image, or null.</summary>
    public static string? Misfit(int rank, IntList kernel, IntList stride, IntList dilation, IntList before, IntList after)
    {
        if (kernel.Count != rank || stride.Count != rank || dilation.Count != rank || before.Count != rank || after.Count != rank)
            return $"{rank} sizes of the kernel, steps, dilations and paddings are expected.";
        return kernel.Any(size => size < 1) || stride.Any(step => step < 1) || dilation.Any(step => step < 1) || before.Any(pad => pad < 0)
            || after.Any(pad => pad < 0)
            ? $"kernel {kernel}, stride {stride} and dilation {dilation} must be 1 or more, padding {before} and {after} 0 or more."
            : null;
    }

    private static int Product(ReadOnlySpan<int> values)
    {
        var product = 1;
        foreach (var value in values)
            product = checked(product * value);
        return product;
    }
}
