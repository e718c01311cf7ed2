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

    private readonly struct Forward(ConvShape shape, float* x, float* weight, float* bias, float* y) : ISimdKernel
    {
        private readonly ConvInput _input = new(shape);
        private readonly long[] _taps = new ConvInput(shape).Taps();

        public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
        {
            var padded = NativeBuffer.Grow(ref t_plane, _input.PlaneLength);
            var (first, end) = RowChunks.Range((long)shape.Batch * shape.Channels, shape.Pixels, chunk);
            for (var plane = first; plane < end; plane++)
            {
                var channel = plane % shape.Channels;
                var start = bias == null ? 0 : bias[channel];
                _input.Fill(x + plane * shape.Height * shape.Width, 1, padded);
                var target = y + plane * shape.Pixels;
                if (shape.OutWidth < S.Count)
                    Narrow(padded, weight + channel * shape.Depth, start, target);
                else if ((shape.KernelHeight, shape.KernelWidth) == (3, 3))
                    Plane3x3<S, V>(padded, weight + channel * shape.Depth, start, target);
                else
                    Plane<S, V>(padded, weight + channel * shape.Depth, start, target);
            }
        }

        /// <summary>Any kernel. The last register of a row overlaps the one before.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Plane<S, V>(float* source, float* weights, float start, float* target) where S : ISimd<V> where V : unmanaged
        {
            var (height, width) = (shape.OutHeight, shape.OutWidth);
            for (var row = 0; row < height; row++, source += _input.RowStep, target += width)
                for (var at = 0; at < width; at += S.Count)
                {
                    var i = Math.Min(at, width - S.Count);
                    var sum = S.Create(start);
                    for (var tap = 0; tap < _taps.Length; tap++)
                        sum = S.MultiplyAdd(S.Create(weights[tap]), S.Load(source + _taps[tap] + i), sum);
                    S.Store(sum, target + i);
                }
        }

        /// <summary>The usual kernel, its weights in registers.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Plane3x3<S, V>(float* source, float* weights, float start, float* target) where S : ISimd<V> where V : unmanaged
        {
            var (height, width) = (shape.OutHeight, shape.OutWidth);
            V bias = S.Create(start);
            V w0 = S.Create(weights[0]), w1 = S.Create(weights[1]), w2 = S.Create(weights[2]);
            V w3 = S.Create(weights[3]), w4 = S.Create(weights[4]), w5 = S.Create(weights[5]);
            V w6 = S.Create(weights[6]), w7 = S.Create(weights[7]), w8 = S.Create(weights[8]);
            long left = _taps[0], middle = _taps[1], right = _taps[2], below = _taps[3], lowest = _taps[6];
            for (var row = 0; row < height; row++, source += _input.RowStep, target += width)
                for (var at = 0; at < width; at += S.Count)
                {
                    var i = Math.Min(at, width - S.Count);
                    float* a = source + i, b = a + below, c = a + lowest;
                    var sum = S.MultiplyAdd(w0, S.Load(a + left), bias);
                    sum = S.MultiplyAdd(w1, S.Load(a + middle), sum);
                    sum = S.MultiplyAdd(w2, S.Load(a + right), sum);
                    sum = S.MultiplyAdd(w3, S.Load(b + left), sum);
                    sum = S.MultiplyAdd(w4, S.Load(b + middle), sum);
                    sum = S.MultiplyAdd(w5, S.Load(b + right), sum);
                    sum = S.MultiplyAdd(w6, S.Load(c + left), sum);
                    sum = S.MultiplyAdd(w7, S.Load(c + middle), sum);
                    sum = S.MultiplyAdd(w8, S.Load(c + right), sum);
                    S.Store(sum, target + i);
                }
        }

        /// <summary>Rows shorter than a register, in the same order of sums.</summary>
        private void Narrow(float* source, float* weights, float start, float* target)
        {
            for (var row = 0; row < shape.OutHeight; row++, source += _input.RowStep)
                for (var i = 0; i < shape.OutWidth; i++)
                {
                    var sum = start;
                    for (var tap = 0; tap < _taps.Length; tap++)
                        sum = float.MultiplyAddEstimate(weights[tap], source[_taps[tap] + i], sum);
                    *target++ = sum;
                }
        }
    }
}
