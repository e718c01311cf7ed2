namespace Coppice.Tensors.Kernels;

/// <summary>The weight gradient of convolutions over small maps as one matrix product: <c>dW = dY [O, pixels] x columns [Depth, pixels]'</c>,
/// the pixels of many images in a row.</summary>
/// <remarks>Where a map fills few lanes, <see cref="ConvWeightGradient"/>'s runs of memory would be mostly padding. The images of a product are
/// as many as the shapes alone say: the same bytes on any number of threads.</remarks>
internal static unsafe class ConvColumnGradient
{
    /// <summary>Floats of columns held at a time.</summary>
    private const long HeldColumns = 4 << 20;

    [ThreadStatic]
    private static NativeBuffer? t_columns;

    [ThreadStatic]
    private static NativeBuffer? t_gradients;

    [ThreadStatic]
    private static NativeBuffer? t_plane;

    /// <summary>Whether a map of padded length <paramref name="plane"/>, whole registers, has so few pixels that the product is faster.</summary>
    public static bool Fits(ConvShape shape, long plane) => shape.Groups == 1 && 4 * shape.Pixels < 3 * plane;

    /// <summary>dW; parameters as of <see cref="ConvWeightGradient.Run"/>.</summary>
    public static void Run(ConvShape shape, float* x, float* dy, float* dw)
    {
        var perProduct = (int)Math.Clamp(HeldColumns / ((long)shape.Depth * shape.Pixels), 1, shape.Batch);
        var columns = NativeBuffer.Grow(ref t_columns, (long)shape.Depth * shape.Pixels * perProduct);
        var gradients = NativeBuffer.Grow(ref t_gradients, (long)shape.Outputs * shape.Pixels * perProduct);
        var (input, taps) = (new ConvInput(shape), new ConvInput(shape).Taps());
        for (var first = 0; first < shape.Batch; first += perProduct)
        {
            var images = Math.Min(perProduct, shape.Batch - first);
            var pixels = images * shape.Pixels;
            var from = (nint)(x + (long)first * shape.Channels * shape.Height * shape.Width);
            Workers.For(shape.Channels, (shape, input, taps, images, from, (nint)columns), static (channel, state) =>
                FillColumns(state.shape, state.input, state.taps, state.images, channel, (float*)state.from, (float*)state.Item6));
            from = (nint)(dy + (long)first * shape.Outputs * shape.Pixels);
            Workers.For(shape.Outputs, (shape, images, from, (nint)gradients), static (output, state) =>
                FillGradients(state.shape, state.images, output, (float*)state.from, (float*)state.Item4));
            Gemm.Multiply(shape.Outputs, shape.Depth, pixels, gradients, pixels, false, columns, pixels, true, dw, shape.Depth, first > 0, null);
        }
    }

    /// <summary>What the taps of a channel read for each pixel: [kh kw][images][H' W'].</summary>
    private static void FillColumns(ConvShape shape, in ConvInput input, long[] taps, int images, int channel, float* x, float* columns)
    {
        var kernel = shape.KernelHeight * shape.KernelWidth;
        var plane = NativeBuffer.Grow(ref t_plane, input.PlaneLength);
        var pixels = (long)images * shape.Pixels;
        for (var image = 0; image < images; image++)
        {
            input.Fill(x + ((long)image * shape.Channels + channel) * shape.Height * shape.Width, 1, plane);
            for (var tap = 0; tap < kernel; tap++)
            {
                var source = plane + taps[tap];
                var target = columns + ((long)channel * kernel + tap) * pixels + (long)image * shape.Pixels;
                for (var row = 0; row < shape.OutHeight; row++, source += input.RowStep, target += shape.OutWidth)
                    ConvInput.CopyRow(source, shape.OutWidth, target);
            }
        }
    }

    /// <summary>The gradients of an output: [images][H' W'].</summary>
    private static void FillGradients(ConvShape shape, int images, int output, float* dy, float* gradients)
    {
        var target = gradients + (long)output * images * shape.Pixels;
        for (var image = 0; image < images; image++, target += shape.Pixels)
            ConvInput.CopyRow(dy + ((long)image * shape.Outputs + output) * shape.Pixels, shape.Pixels, target);
    }
}
