using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Gradient of a convolution to its weight: for each weight a sum over all output pixels of all images.</summary>
/// <remarks>
/// The gradients' rows are laid out at the padded input's distance, zeros between them. Then a weight's gradient is the product of two
/// runs of memory, and <see cref="CorrelationTile"/> takes many such products at once.
/// The images are shared out by their number, as the shapes alone decide, and added up in order: the same bytes on any number of threads.
/// </remarks>
internal static unsafe class ConvWeightGradient
{
    /// <summary>Floats of padded images and gradients that stay in the L2 cache.</summary>
    private const long CachedFloats = 160 << 10;

    /// <summary>Floats of a tile's rows and columns that stay near, in the L1 cache or just behind.</summary>
    private const long CachedTile = 20 << 10;

    /// <summary>Most floats of sums held.</summary>
    private const long MaxSums = 4 << 20;

    /// <summary>Shares of the work to aim for.</summary>
    private const int Shares = 8;

    [ThreadStatic]
    private static NativeBuffer? t_images;

    [ThreadStatic]
    private static NativeBuffer? t_gradients;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    /// <summary>dW = the sum over images and pixels of dy times what the weight was multiplied with.</summary>
    /// <param name="shape">All sizes.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="dy">[B, O, H', W'].</param>
    /// <param name="dw">[O, C/groups, kh, kw], overwritten.</param>
    public static void Run(ConvShape shape, float* x, float* dy, float* dw)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(shape, x, dy, dw);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(shape, x, dy, dw);
        else
            Run<Simd128, Vector128<float>>(shape, x, dy, dw);
    }

    private static void Run<S, V>(ConvShape shape, float* x, float* dy, float* dw) where S : struct, ISimd<V> where V : unmanaged
    {
        if (WinogradWeightGradient.Fits(shape))
            WinogradWeightGradient.Run<S, V>(shape, x, dy, dw);
        else
            Correlate<S, V>(shape, x, dy, dw);
    }

    private static void Correlate<S, V>(ConvShape shape, float* x, float* dy, float* dw) where S : struct, ISimd<V> where V : unmanaged
    {
        var input = new ConvInput(shape);
        var plane = ((long)shape.OutHeight * input.RowStep + S.Count - 1) / S.Count * S.Count;
        if (ConvColumnGradient.Fits(shape, plane))
        {
            ConvColumnGradient.Run(shape, x, dy, dw);
            return;
        }
        var tile = (CorrelationTile.MaxRows<S, V>() + 2) * plane; // columns come from two channels at the most, as kernels go
        var images = (int)Math.Clamp(
            Math.Min(CachedFloats / (input.ImageLength + shape.Outputs * plane), CachedTile / tile), 1, shape.Batch);
        var blocks = (shape.Batch + images - 1) / images;
        var size = (long)shape.Outputs * shape.Depth;
        var splits = (int)Math.Clamp(MaxSums / size, 1, blocks);
        var strips = new Gemm.Strips(shape.GroupOutputs, CorrelationTile.MaxRows<S, V>());
        var parts = Math.Min(strips.Count, Math.Max(1, Shares / (splits * shape.Groups)));
        var sums = splits == 1 ? dw : NativeBuffer.Grow(ref t_sums, size * splits);
        var call = new Call(shape, x, dy, sums, images, plane, strips);
        Workers.For(splits * shape.Groups * parts, (call, blocks, splits, parts), static (chunk, state) =>
        {
            var (call, blocks, splits, parts) = state;
            var (share, part) = Math.DivRem(chunk, parts);
            var (split, group) = Math.DivRem(share, call.Shape.Groups);
            var strips = (call.Strips.Count * part / parts, call.Strips.Count * (part + 1) / parts);
            var target = call.Clear(split, group, strips);
            for (var block = blocks * split / splits; block < blocks * (split + 1) / splits; block++)
                AddImages<S, V>(call, block * call.Images, group, strips, target);
        });
        var total = new Span<float>(dw, checked((int)size));
        if (splits > 1)
            new ReadOnlySpan<float>(sums, (int)size).CopyTo(total);
        for (var split = 1; split < splits; split++)
            TensorPrimitives.Add(total, new ReadOnlySpan<float>(sums + split * size, (int)size), total);
    }

    /// <summary>Adds the share of some images to the gradients of some outputs' weights.</summary>
    private static void AddImages<S, V>(in Call call, int first, int group, (int First, int End) strips, float* target)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var images = Math.Min(call.Images, shape.Batch - first);
        var (row, rows) = (call.Strips.Start(strips.First), call.Strips.Start(strips.End) - call.Strips.Start(strips.First));
        var x = PadInputs<S, V>(call, first, images, group);
        var dy = PadGradients(call, first, images, group * shape.GroupOutputs + row, rows);
        fixed (long* taps = call.Taps)
            for (var strip = strips.First; strip < strips.End; strip++)
            {
                var start = call.Strips.Start(strip);
                var left = new CorrelationRows(dy + (start - row) * call.Plane, call.Plane, rows * call.Plane, (int)call.Plane);
                for (var tap = 0; tap < shape.Depth; tap += CorrelationTile.Columns)
                {
                    var right = new CorrelationColumns(x, shape.GroupChannels * call.Input.PlaneLength, taps + tap,
                        Math.Min(CorrelationTile.Columns, shape.Depth - tap));
                    CorrelationTile.Run<S, V>(call.Strips.Start(strip + 1) - start, left, right, images,
                        target + (long)(start - row) * shape.Depth + tap, shape.Depth);
                }
            }
    }

    private static float* PadInputs<S, V>(in Call call, int first, int images, int group) where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, channels) = (call.Shape, call.Shape.GroupChannels);
        var length = channels * call.Input.PlaneLength;
        var padded = NativeBuffer.Grow(ref t_images, length * images + S.Count);
        new Span<float>(padded + length * images, S.Count).Clear(); // the last run reads on, against zeros
        for (var image = 0; image < images; image++)
            call.Input.Fill(call.X + ((long)(first + image) * shape.Channels + group * channels) * shape.Height * shape.Width, channels,
                padded + image * length);
        return padded;
    }

    /// <summary>Gradients of some outputs, rows at the distance of the padded input's, zeros behind.</summary>
    private static float* PadGradients(in Call call, int first, int images, int output, int outputs)
    {
        var (shape, step, width) = (call.Shape, call.Input.RowStep, call.Shape.OutWidth);
        var target = NativeBuffer.Grow(ref t_gradients, images * outputs * call.Plane);
        var padded = target;
        for (var image = 0; image < images; image++)
        {
            var source = call.Gradient + ((long)(first + image) * shape.Outputs + output) * shape.Pixels;
            for (var plane = 0; plane < outputs; plane++)
            {
                var end = target + call.Plane;
                for (var row = 0; row < shape.OutHeight; row++, source += width, target += step)
                {
                    ConvInput.CopyRow(source, width, target);
                    for (var i = width; i < step; i++)
                        target[i] = 0;
                }
                while (target < end)
                    *target++ = 0;
            }
        }
        return padded;
    }

    private readonly struct Call(ConvShape shape, float* x, float* gradient, float* sums, int images, long plane, Gemm.Strips strips)
    {
        public readonly ConvShape Shape = shape;
        public readonly ConvInput Input = new(shape);
        public readonly long[] Taps = new ConvInput(shape).Taps();
        public readonly float* X = x, Gradient = gradient;
        public readonly int Images = images;
        public readonly long Plane = plane;
        public readonly Gemm.Strips Strips = strips;
        private readonly float* _sums = sums;

        /// <summary>Sets the sums of a share's strips to 0 and returns their address.</summary>
        public float* Clear(int split, int group, (int First, int End) strips)
        {
            var row = Strips.Start(strips.First);
            var target = _sums + ((long)split * Shape.Outputs + group * Shape.GroupOutputs + row) * Shape.Depth;
            new Span<float>(target, (Strips.Start(strips.End) - row) * Shape.Depth).Clear();
            return target;
        }
    }
}
