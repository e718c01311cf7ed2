using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution of each channel by itself (groups = channels): bound by memory, so computed straight from a padded plane.</summary>
internal static unsafe class DepthwiseConv
{
    [ThreadStatic]
    private static NativeBuffer? t_plane;

    /// <summary>y [B, C, H', W'] of x [B, C, H, W] and weight [C, 1, kh, kw], finished.</summary>
    public static void Run(ConvShape shape, float* x, float* weight, in ConvFinish finish, float* y)
    {
        var planes = (long)shape.Batch * shape.Channels;
        SimdKernel.Run(RowChunks.Count(planes, DepthwiseForward.WorkOf(shape)), new DepthwiseForward(shape, x, weight, finish, y));
    }

    /// <summary>dx for strides other than 1.</summary>
    public static void InputGradient(ConvShape shape, float* dy, float* weight, float* dx)
    {
        var (planes, size) = ((long)shape.Batch * shape.Channels, shape.Height * shape.Width);
        Workers.For(RowChunks.Count(planes, size), chunk =>
        {
            var (first, end) = RowChunks.Range(planes, size, chunk);
            new Span<float>(dx + first * size, checked((int)((end - first) * size))).Clear();
            for (var plane = first; plane < end; plane++)
            {
                var taps = weight + plane % shape.Channels * shape.Depth;
                for (var i = 0; i < shape.KernelHeight; i++)
                    for (var j = 0; j < shape.KernelWidth; j++)
                        ConvInputGradient.AddTap(shape, i, j, dy + plane * shape.Pixels, taps[i * shape.KernelWidth + j],
                            dx + plane * size);
            }
        });
    }

    /// <summary>dw [C, 1, kh, kw]: for each channel the images in order.</summary>
    public static void WeightGradient(ConvShape shape, float* x, float* dy, float* dw) => Workers.For(shape.Channels, channel =>
    {
        var input = new ConvInput(shape);
        var taps = input.Taps();
        var padded = NativeBuffer.Grow(ref t_plane, input.PlaneLength);
        Span<double> sums = new double[shape.Depth];
        for (var image = 0; image < shape.Batch; image++)
        {
            var plane = (long)image * shape.Channels + channel;
            input.Fill(x + plane * shape.Height * shape.Width, 1, padded);
            for (var row = 0; row < shape.OutHeight; row++)
            {
                var gradient = new ReadOnlySpan<float>(dy + plane * shape.Pixels + (long)row * shape.OutWidth, shape.OutWidth);
                for (var tap = 0; tap < taps.Length; tap++)
                    sums[tap] += TensorPrimitives.Dot(gradient,
                        new ReadOnlySpan<float>(padded + (long)row * input.RowStep + taps[tap], shape.OutWidth));
            }
        }
        for (var tap = 0; tap < taps.Length; tap++)
            dw[(long)channel * shape.Depth + tap] = (float)sums[tap];
    });
}
