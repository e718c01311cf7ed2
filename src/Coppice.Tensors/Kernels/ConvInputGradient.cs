namespace Coppice.Tensors.Kernels;

/// <summary>Gradient of a convolution to its input.</summary>
internal static unsafe class ConvInputGradient
{
    [ThreadStatic]
    private static NativeBuffer? t_flipped;

    [ThreadStatic]
    private static NativeBuffer? t_columns;

    /// <summary>dx: each input pixel's share in all outputs that read it.</summary>
    /// <param name="shape">All sizes, of the forward convolution.</param>
    /// <param name="dy">[B, O, H', W'].</param>
    /// <param name="weight">[O, C/groups, kh, kw].</param>
    /// <param name="dx">[B, C, H, W], overwritten.</param>
    public static void Run(ConvShape shape, float* dy, float* weight, float* dx)
    {
        var padding = shape.Dilation * (shape.KernelHeight - 1) - shape.Padding;
        if (shape.Stride == 1 && shape.KernelHeight == shape.KernelWidth && padding >= 0)
            RunAsConvolution(shape, padding, dy, weight, dx);
        else if (shape.IsDepthwise)
            DepthwiseConv.InputGradient(shape, dy, weight, dx);
        else
            RunScattering(shape, dy, weight, dx);
    }

    /// <summary>With stride 1 it is the convolution of dy with the kernel turned about and its channels exchanged.</summary>
    private static void RunAsConvolution(ConvShape shape, int padding, float* dy, float* weight, float* dx)
    {
        var reverse = shape with
        {
            Channels = shape.Outputs, Outputs = shape.Channels, Height = shape.OutHeight, Width = shape.OutWidth, Padding = padding,
        };
        var flipped = NativeBuffer.Grow(ref t_flipped, (long)shape.Outputs * shape.Depth);
        var (outputs, channels, taps) = (shape.GroupOutputs, shape.GroupChannels, shape.KernelHeight * shape.KernelWidth);
        for (var group = 0; group < shape.Groups; group++)
            for (var output = 0; output < outputs; output++)
                for (var channel = 0; channel < channels; channel++)
                {
                    var source = weight + (((long)group * outputs + output) * channels + channel) * taps;
                    var target = flipped + (((long)group * channels + channel) * outputs + output) * taps;
                    for (var tap = 0; tap < taps; tap++)
                        target[tap] = source[taps - 1 - tap];
                }
        if (reverse.IsDepthwise)
            DepthwiseConv.Run(reverse, dy, flipped, ConvFinish.Plain(null), dx);
        else
            ConvForward.Run(reverse, dy, flipped, null, ConvFinish.Plain(null), dx);
    }

    /// <summary>What each output passes to its inputs, from one product for each image, added up where it belongs.</summary>
    private static void RunScattering(ConvShape shape, float* dy, float* weight, float* dx) =>
        Workers.For(shape.Batch, (shape, (nint)dy, (nint)weight, (nint)dx), static (image, state) =>
        {
            var (shape, dy, weight, dx) = state;
            var target = (float*)dx + (long)image * shape.Channels * shape.Height * shape.Width;
            new Span<float>(target, shape.Channels * shape.Height * shape.Width).Clear();
            var columns = NativeBuffer.Grow(ref t_columns, (long)shape.Depth * shape.Pixels);
            for (var group = 0; group < shape.Groups; group++)
            {
                var output = group * shape.GroupOutputs;
                Gemm.Multiply(shape.Depth, shape.Pixels, shape.GroupOutputs, (float*)weight + (long)output * shape.Depth, shape.Depth, true,
                    (float*)dy + ((long)image * shape.Outputs + output) * shape.Pixels, shape.Pixels, false, columns, shape.Pixels, false,
                        null);
                AddColumns(shape, columns, target + (long)group * shape.GroupChannels * shape.Height * shape.Width);
            }
        });

    private static void AddColumns(ConvShape shape, float* columns, float* dx)
    {
        for (var channel = 0; channel < shape.GroupChannels; channel++, dx += (long)shape.Height * shape.Width)
            for (var i = 0; i < shape.KernelHeight; i++)
                for (var j = 0; j < shape.KernelWidth; j++, columns += shape.Pixels)
                    AddTap(shape, i, j, columns, 1, dx);
    }

    /// <summary>dx += <paramref name="factor"/> times what each output pixel passes to the input pixel under one tap.</summary>
    public static void AddTap(ConvShape shape, int i, int j, float* passed, float factor, float* dx)
    {
        var shift = j * shape.Dilation - shape.Padding;
        var first = shift >= 0 ? 0 : (-shift + shape.Stride - 1) / shape.Stride;
        var end = Math.Min(shape.OutWidth, (shape.Width - shift + shape.Stride - 1) / shape.Stride);
        for (var row = 0; row < shape.OutHeight; row++)
        {
            var y = row * shape.Stride + i * shape.Dilation - shape.Padding;
            if ((uint)y >= (uint)shape.Height)
                continue;
            float* source = passed + (long)row * shape.OutWidth, target = dx + (long)y * shape.Width + shift;
            for (var column = first; column < end; column++)
                target[column * shape.Stride] += factor * source[column];
        }
    }
}
