using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The forward pass of <see cref="DepthwiseConv"/>, some planes at a time. An output's sum is over its weights in order.</summary>
internal readonly unsafe struct DepthwiseForward(ConvShape shape, float* x, float* weight, ConvFinish finish, float* y) : ISimdKernel
{
    /// <summary>Floats behind a padded plane that a last register may read; they reach no output.</summary>
    private const int Surplus = 16;

    [ThreadStatic]
    private static NativeBuffer? t_plane;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    private readonly ConvInput _input = new(shape);
    private readonly long[] _taps = new ConvInput(shape).Taps();

    /// <summary>What a plane costs, in elements of simpler kernels.</summary>
    public static int WorkOf(ConvShape shape) => 4 * Math.Min(shape.Pixels, Elementwise.Chunk);

    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        var padded = NativeBuffer.Grow(ref t_plane, _input.PlaneLength + Surplus);
        new Span<float>(padded + _input.PlaneLength, Surplus).Clear();
        var (first, end) = RowChunks.Range((long)shape.Batch * shape.Channels, WorkOf(shape), chunk);
        var (isDirect, size) = (Depthwise3x3.Fits(shape), (long)shape.Height * shape.Width);
        for (var plane = first; plane < end; plane++)
        {
            var channel = (int)(plane % shape.Channels);
            var taps = weight + (long)channel * shape.Depth;
            var target = y + plane * shape.Pixels;
            if (isDirect)
            {
                Depthwise3x3.Plane(shape, x + plane * size, taps, finish, channel, target);
                continue;
            }
            _input.Fill(x + plane * size, 1, padded);
            if (shape.OutWidth < S.Count)
                Narrow<S, V>(padded, taps, channel, target);
            else if ((shape.KernelHeight, shape.KernelWidth) == (3, 3))
                Plane3x3<S, V>(padded, taps, channel, target);
            else
                Plane<S, V>(padded, taps, channel, target);
        }
    }

    /// <summary>Any kernel. The last register of a row overlaps the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Plane<S, V>(float* source, float* weights, int channel, float* target) where S : ISimd<V> where V : unmanaged
    {
        var (height, width, lanes, bias) = (shape.OutHeight, shape.OutWidth, finish.In<S, V>(), S.Create(finish.Bias(channel)));
        for (var row = 0; row < height; row++, source += _input.RowStep, target += width)
            for (var at = 0; at < width; at += S.Count)
            {
                var i = Math.Min(at, width - S.Count);
                lanes.Store(Sum<S, V>(source + i, weights, bias), target + i);
            }
    }

    /// <summary>The usual kernel, its weights in registers. With stride 1 four rows share what they read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Plane3x3<S, V>(float* source, float* weights, int channel, float* target) where S : ISimd<V> where V : unmanaged
    {
        var (height, width, step, lanes) = (shape.OutHeight, shape.OutWidth, (long)_input.RowStep, finish.In<S, V>());
        V bias = S.Create(finish.Bias(channel));
        V w0 = S.Create(weights[0]), w1 = S.Create(weights[1]), w2 = S.Create(weights[2]);
        V w3 = S.Create(weights[3]), w4 = S.Create(weights[4]), w5 = S.Create(weights[5]);
        V w6 = S.Create(weights[6]), w7 = S.Create(weights[7]), w8 = S.Create(weights[8]);
        long middle = _taps[1], right = _taps[2], below = _taps[3], lowest = _taps[6];
        var row = 0;
        for (; row <= height - 4 && shape is { Stride: 1, Dilation: 1 }; row += 4, source += 4 * step, target += 4 * width)
            for (var at = 0; at < width; at += S.Count)
            {
                var i = Math.Min(at, width - S.Count);
                V s0 = bias, s1 = bias, s2 = bias, s3 = bias;
                var from = source + i;
                V l = S.Load(from), m = S.Load(from + middle), r = S.Load(from + right);
                s0 = Add<S, V>(s0, l, m, r, w0, w1, w2);
                from += step;
                (l, m, r) = (S.Load(from), S.Load(from + middle), S.Load(from + right));
                s0 = Add<S, V>(s0, l, m, r, w3, w4, w5);
                s1 = Add<S, V>(s1, l, m, r, w0, w1, w2);
                from += step;
                (l, m, r) = (S.Load(from), S.Load(from + middle), S.Load(from + right));
                s0 = Add<S, V>(s0, l, m, r, w6, w7, w8);
                s1 = Add<S, V>(s1, l, m, r, w3, w4, w5);
                s2 = Add<S, V>(s2, l, m, r, w0, w1, w2);
                from += step;
                (l, m, r) = (S.Load(from), S.Load(from + middle), S.Load(from + right));
                s1 = Add<S, V>(s1, l, m, r, w6, w7, w8);
                s2 = Add<S, V>(s2, l, m, r, w3, w4, w5);
                s3 = Add<S, V>(s3, l, m, r, w0, w1, w2);
                from += step;
                (l, m, r) = (S.Load(from), S.Load(from + middle), S.Load(from + right));
                s2 = Add<S, V>(s2, l, m, r, w6, w7, w8);
                s3 = Add<S, V>(s3, l, m, r, w3, w4, w5);
                from += step;
                s3 = Add<S, V>(s3, S.Load(from), S.Load(from + middle), S.Load(from + right), w6, w7, w8);
                lanes.Store(s0, target + i);
                lanes.Store(s1, target + width + i);
                lanes.Store(s2, target + 2 * width + i);
                lanes.Store(s3, target + 3 * width + i);
            }
        for (; row < height; row++, source += step, target += width)
            for (var at = 0; at < width; at += S.Count)
            {
                var i = Math.Min(at, width - S.Count);
                float* a = source + i, b = a + below, c = a + lowest;
                var sum = Add<S, V>(bias, S.Load(a), S.Load(a + middle), S.Load(a + right), w0, w1, w2);
                sum = Add<S, V>(sum, S.Load(b), S.Load(b + middle), S.Load(b + right), w3, w4, w5);
                lanes.Store(Add<S, V>(sum, S.Load(c), S.Load(c + middle), S.Load(c + right), w6, w7, w8), target + i);
            }
    }

    /// <summary>Rows shorter than a register: the padded rows are taken for one long row, and what its outputs have too many is left out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Narrow<S, V>(float* source, float* weights, int channel, float* target) where S : ISimd<V> where V : unmanaged
    {
        var (height, width, step) = (shape.OutHeight, shape.OutWidth, _input.RowStep);
        var length = (height - 1) * step + width;
        var sums = NativeBuffer.Grow(ref t_sums, length + Surplus);
        var zero = S.Create(0);
        for (var i = 0; i < length; i += S.Count)
            S.Store(Sum<S, V>(source + i, weights, zero), sums + i);
        for (var row = 0; row < height; row++, sums += step, target += width)
            finish.Run(sums, target, channel, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private V Sum<S, V>(float* source, float* weights, V start) where S : ISimd<V> where V : unmanaged
    {
        for (var tap = 0; tap < _taps.Length; tap++)
            start = S.MultiplyAdd(S.Create(weights[tap]), S.Load(source + _taps[tap]), start);
        return start;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add<S, V>(V sum, V left, V middle, V right, V w0, V w1, V w2) where S : ISimd<V> where V : unmanaged =>
        S.MultiplyAdd(w2, right, S.MultiplyAdd(w1, middle, S.MultiplyAdd(w0, left, sum)));
}
