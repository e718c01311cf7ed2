using Coppice.Tensors;

namespace Coppice.Onnx.Operators;

/// <summary>Kernel, steps and paddings of a convolution or pooling node, for each axis of the image.</summary>
internal sealed record WindowAttributes(int[] Kernel, int[] Stride, int[] Dilation, int[] Before, int[] After)
{
    public int Rank => Kernel.Length;

    /// <summary>Whether all axes have one kernel size, one step and one dilation, as the fast kernels want.</summary>
    public bool IsSquare => Rank == 2 && Kernel[0] == Kernel[1] && HasEvenSteps;

    public bool HasEvenSteps => Stride.Distinct().Count() == 1 && Dilation.Distinct().Count() == 1;

    /// <summary>The one padding of all sides, or null where they differ.</summary>
    public int? EvenPadding => Before.Concat(After).Distinct().Count() == 1 ? Before[0] : null;

    /// <summary>Reads the attributes of a node; <c>auto_pad</c> is worked out for the image's sizes.</summary>
    public static WindowAttributes Read(OperatorCall call, ReadOnlySpan<int> sizes, int[] kernel)
    {
        var rank = sizes.Length;
        if (kernel.Length != rank)
            throw new NotSupportedException($"a kernel of {kernel.Length} axes does not fit an image of {rank}");
        var stride = call.Ints("strides") ?? Ones(rank);
        var dilation = call.Ints("dilations") ?? Ones(rank);
        if (stride.Length != rank || dilation.Length != rank || stride.Concat(dilation).Any(step => step < 1))
            throw new NotSupportedException("strides and dilations must be 1 or more for each axis of the image");
        var pads = call.Ints("pads") ?? new int[2 * rank];
        if (pads.Length != 2 * rank)
            throw new NotSupportedException($"pads are {pads.Length} numbers, not {2 * rank}");
        var window = new WindowAttributes(kernel, stride, dilation, pads[..rank], pads[rank..]);
        call.Made([.. sizes.ToArray().Select((size, axis) => checked(size + Math.Max(0, pads[axis]) + Math.Max(0, pads[axis + rank])))]);
        return call.Text("auto_pad", "NOTSET") switch
        {
            "SAME_UPPER" => window.Same(sizes, upper: true),
            "SAME_LOWER" => window.Same(sizes, upper: false),
            "VALID" => window with { Before = new int[rank], After = new int[rank] },
            _ => window,
        };
    }

    /// <summary>How many positions a window spans along an axis.</summary>
    public int Span(int axis) => (Kernel[axis] - 1) * Dilation[axis] + 1;

    /// <summary>The same windows on an image with an axis of size 1 in front.</summary>
    public WindowAttributes WithLeadingAxis() =>
        new([1, .. Kernel], [Stride[0], .. Stride], [Dilation[0], .. Dilation], [0, .. Before], [0, .. After]);

    /// <summary>An image [B, C, sizes...] with the paddings added.</summary>
    public Tensor Padded(Tensor x, float value = 0) => Padded(x, Before, After, value);

    public static Tensor Padded(Tensor x, int[] before, int[] after, float value = 0)
    {
        for (var axis = 0; axis < before.Length; axis++)
            if (before[axis] + after[axis] > 0)
                x = x.Pad(axis + 2, before[axis], after[axis], value);
        return x;
    }

    private WindowAttributes Same(ReadOnlySpan<int> sizes, bool upper)
    {
        var (before, after) = (new int[Rank], new int[Rank]);
        for (var axis = 0; axis < Rank; axis++)
        {
            var windows = (sizes[axis] + Stride[axis] - 1) / Stride[axis];
            var total = Math.Max(0, (windows - 1) * Stride[axis] + Span(axis) - sizes[axis]);
            before[axis] = upper ? total / 2 : total - total / 2;
            after[axis] = total - before[axis];
        }
        return this with { Before = before, After = after };
    }

    public static int[] Ones(int count)
    {
        var ones = new int[count];
        Array.Fill(ones, 1);
        return ones;
    }
}
