using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution of each channel by itself (groups = channels): bound by memory, so computed straight from a padded plane.</summary>
internal static unsafe class DepthwiseConv
{
    [ThreadStatic]
    private static NativeBuffer? t_plane;

    /// <summary>y [B, C, H', W'] of x [B, C, H, W], weight [C, 1, kh, kw] and bias [C] or null.</summary>
    public static void Run(ConvShape shape, float* x, float* weight, float* bias, float* y)
    {
        var planes = (long)shape.Batch * shape.Channels;
        SimdKernel.Run(RowChunks.Count(planes, shape.Pixels), new Forward(shape, x, weight, bias, y));
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
                        ConvInputGradient.AddTap(shape, i, j, dy + plane * shape.Pixels, taps[i * shape.KernelWidth + j], dx + plane * size);
            }
        });
    }

    /// <summary>dw [C, 1, kh, kw]: for each channel the images in order.</summary>
    public static void WeightGradient(ConvShape shape, float* x, float* dy, float* dw) => Workers.For(shape.Channels, channel =>
    {
        var input = new ConvInput(shape);
        var taps = input.Taps();
        var padded = NativeBuffer.Grow(ref t_plane, input.PlaneLength + ConvInput.Slack);
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

    private readonly struct Forward(ConvShape shape, float* x, float* weight, float* bias, float* y) : ISimdKernel
    {
        private readonly ConvInput _input = new(shape);
        private readonly long[] _taps = new ConvInput(shape).Taps();

        public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
        {
            var padded = NativeBuffer.Grow(ref t_plane, _input.PlaneLength + ConvInput.Slack);
            var (first, end) = RowChunks.Range((long)shape.Batch * shape.Channels, shape.Pixels, chunk);
            for (var plane = first; plane < end; plane++)
            {
                var channel = plane % shape.Channels;
                _input.Fill(x + plane * shape.Height * shape.Width, 1, padded);
                for (var row = 0; row < shape.OutHeight; row++)
                    Row<S, V>(padded + (long)row * _input.RowStep, weight + channel * shape.Depth, bias == null ? 0 : bias[channel],
                        y + plane * shape.Pixels + (long)row * shape.OutWidth);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Row<S, V>(float* source, float* weights, float start, float* target) where S : ISimd<V> where V : unmanaged
        {
            var rest = stackalloc float[16];
            ReadOnlySpan<long> taps = _taps;
            for (var i = 0; i < shape.OutWidth; i += S.Count)
            {
                var sum = S.Create(start);
                for (var tap = 0; tap < taps.Length; tap++)
                    sum = S.MultiplyAdd(S.Create(weights[tap]), S.Load(source + taps[tap] + i), sum);
                if (i + S.Count <= shape.OutWidth)
                {
                    S.Store(sum, target + i);
                    continue;
                }
                S.Store(sum, rest);
                new ReadOnlySpan<float>(rest, shape.OutWidth - i).CopyTo(new Span<float>(target + i, shape.OutWidth - i));
            }
        }
    }
}
