using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Onnx.AttributeProto;

namespace Coppice.Onnx.Export;

/// <summary>Convolution, pooling, and windows laid out.</summary>
internal static class WindowRules
{
    public static void Convolution(NodeWriter c)
    {
        var op = c.Op<Conv2d>();
        c.Result("Conv", c.Inputs, [.. Windows([c.Fixed(1, 2), c.Fixed(1, 3)], op.Stride, op.Padding),
            From("dilations", [op.Dilation, op.Dilation]), From("group", c.Node.Sizes[0].Constant!.Value)]);
    }

    public static void MaxPool(NodeWriter c)
    {
        var op = c.Op<MaxPool2d>();
        c.Result("MaxPool", c.Inputs, Windows([op.Kernel, op.Kernel], op.Stride, op.Padding));
    }

    public static void AveragePool(NodeWriter c)
    {
        var op = c.Op<AvgPool2d>();
        c.Result("AveragePool", c.Inputs, [.. Windows([op.Kernel, op.Kernel], op.Stride, op.Padding), From("count_include_pad", 1)]);
    }

    public static void AdaptivePool(NodeWriter c)
    {
        var op = c.Op<AdaptiveAvgPool2d>();
        if (op is { Height: 1, Width: 1 })
        {
            c.Result("GlobalAveragePool", c.Inputs);
            return;
        }
        var (height, width) = (c.Fixed(0, 2), c.Fixed(0, 3));
        if (height % op.Height != 0 || width % op.Width != 0)
            throw c.Refused($"its windows on {height} x {width} pixels differ in size, which ONNX has no operator for; trace with an image whose "
                + $"sizes there are multiples of {op.Height} x {op.Width}");
        long[] window = [height / op.Height, width / op.Width];
        c.Result("AveragePool", c.Inputs, From("kernel_shape", window), From("strides", window));
    }

    /// <summary>Each axis becomes two, places in the window and windows, by taking entries of the padded image.</summary>
    public static void Unfold(NodeWriter c)
    {
        var op = c.Op<Unfold>();
        var rank = op.Kernel.Count;
        var x = c.Add("Pad", [c[0], c.Numbers([0, 0, .. op.Before, 0, 0, .. op.After]), c.Scalar(op.Value)]);
        for (var axis = 0; axis < rank; axis++)
        {
            var (kernel, step, dilation) = (op.Kernel[axis], op.Stride[axis], op.Dilation[axis]);
            var windows = (c.Fixed(0, axis + 2) + op.Before[axis] + op.After[axis] - dilation * (kernel - 1) - 1) / step + 1;
            var entries = Enumerable.Range(0, kernel * windows).Select(i => (long)(i / windows * dilation + i % windows * step));
            x = c.Add("Gather", [x, c.Constant(Tensor.From<long>([.. entries], [kernel, windows]))], From("axis", 2 + 2 * axis));
        }
        x = c.Permute(x, [0, 1, .. Enumerable.Range(0, rank).Select(axis => 2 + 2 * axis), .. Enumerable.Range(0, rank).Select(axis => 3 + 2 * axis)]);
        c.Result("Reshape", [x, c.Numbers(0, 0, op.Kernel.Aggregate(1, (product, size) => product * size), -1)]);
    }

    /// <summary>A transposed convolution by kernels with a single one, a place of the window each.</summary>
    public static void Fold(NodeWriter c)
    {
        var op = c.Op<Fold>();
        var (channels, places, rank) = (c.Fixed(0, 1), c.Fixed(0, 2), op.Kernel.Count);
        var (windows, rest) = (new long[rank], new long[rank]);
        for (var axis = 0; axis < rank; axis++)
        {
            var size = c.Node.Sizes[axis].Constant ?? throw c.Refused("its sizes may be any, which ONNX has no operator for; trace with them fixed");
            var free = size + op.Before[axis] + op.After[axis] - op.Dilation[axis] * (op.Kernel[axis] - 1) - 1;
            (windows[axis], rest[axis]) = (free / op.Stride[axis] + 1, free % op.Stride[axis]);
        }
        var kernels = new float[channels * places * places];
        for (var place = 0; place < channels * places; place++)
            kernels[place * places + place % places] = 1;
        var weight = c.Constant(Tensor.From<float>(kernels, [channels * places, 1, .. op.Kernel]));
        var x = c.Add("Reshape", [c[0], c.Numbers([0, channels * places, .. windows])]);
        c.Result("ConvTranspose", [x, weight], From("group", channels), From("kernel_shape", Longs(op.Kernel)), From("strides", Longs(op.Stride)),
            From("dilations", Longs(op.Dilation)), From("pads", [.. Longs(op.Before), .. Longs(op.After)]), From("output_padding", rest));
    }

    private static AttributeProto[] Windows(long[] kernel, int stride, int padding) =>
        [From("kernel_shape", kernel), From("strides", [stride, stride]), From("pads", [padding, padding, padding, padding])];

    private static long[] Longs(IntList numbers) => [.. numbers.Select(number => (long)number)];
}
