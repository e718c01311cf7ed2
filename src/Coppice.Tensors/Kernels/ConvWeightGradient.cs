using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Gradient of a convolution to its weight: for each weight a sum over all output pixels of all images.</summary>
/// <remarks>The images are shared out by their number, as the shapes alone decide, and added up in order: the same bytes on any number
/// of threads.</remarks>
internal static unsafe class ConvWeightGradient
{
    /// <summary>Pixels of a panel.</summary>
    private const int PixelsAtOnce = 512;

    /// <summary>Floats of padded images and rearranged gradients held at a time.</summary>
    private const long HeldAtOnce = 4 << 20;

    /// <summary>Shares of the work to aim for.</summary>
    private const int Shares = 8;

    [ThreadStatic]
    private static NativeBuffer? t_images;

    [ThreadStatic]
    private static NativeBuffer? t_gradients;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    [ThreadStatic]
    private static NativeBuffer? t_rows;

    [ThreadStatic]
    private static NativeBuffer? t_panel;

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
        var panels = (shape.Depth + 2 * S.Count - 1) / (2 * S.Count);
        var splits = Math.Clamp(Shares / (panels * shape.Groups), 1, shape.Batch);
        var size = (long)shape.Outputs * shape.Depth;
        var sums = NativeBuffer.Grow(ref t_sums, size * splits);
        new Span<float>(sums, checked((int)(size * splits))).Clear();
        var input = new ConvInput(shape);
        var perImage = input.ImageLength + (long)shape.Outputs * shape.Pixels;
        var images = (int)Math.Clamp(HeldAtOnce / perImage, Math.Min(splits, shape.Batch), shape.Batch);
        for (var first = 0; first < shape.Batch; first += images)
        {
            var count = Math.Min(images, shape.Batch - first);
            var call = Prepare(shape, input, x + first * shape.Channels * ((long)shape.Height * shape.Width),
                dy + (long)first * shape.Outputs * shape.Pixels, count, sums, splits);
            Workers.For(splits * shape.Groups * panels, (call, panels), static (chunk, state) =>
            {
                var (share, panel) = Math.DivRem(chunk, state.panels);
                var (split, group) = Math.DivRem(share, state.call.Shape.Groups);
                AddPanel<S, V>(state.call, split, group, panel);
            });
        }
        var total = new Span<float>(dw, (int)size);
        new ReadOnlySpan<float>(sums, (int)size).CopyTo(total);
        for (var split = 1; split < splits; split++)
            TensorPrimitives.Add(total, new ReadOnlySpan<float>(sums + split * size, (int)size), total);
    }

    /// <summary>Pads some images, and arranges their gradients as the left side of products.</summary>
    private static Call Prepare(ConvShape shape, ConvInput input, float* x, float* dy, int count, float* sums, int splits)
    {
        var padded = NativeBuffer.Grow(ref t_images, input.ImageLength * count);
        var packed = NativeBuffer.Grow(ref t_gradients, (long)shape.Outputs * shape.Pixels * count);
        Workers.For(count, (shape, input, (nint)x, (nint)dy, (nint)padded, (nint)packed), static (image, state) =>
        {
            var (shape, input, x, dy, padded, packed) = state;
            input.Fill((float*)x + image * shape.Channels * ((long)shape.Height * shape.Width), shape.Channels,
                (float*)padded + image * input.ImageLength);
            var at = (long)image * shape.Outputs * shape.Pixels;
            ConvWeights.Pack((float*)dy + at, shape.Groups, shape.GroupOutputs, shape.Pixels, (float*)packed + at);
        });
        return new(shape, input, padded, packed, count, sums, splits);
    }

    /// <summary>Adds the share of some images to the columns of one panel of the weight's gradient.</summary>
    private static void AddPanel<S, V>(in Call call, int split, int group, int panel) where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, width) = (call.Shape, 2 * S.Count);
        var (column, columns) = (panel * width, Math.Min(width, shape.Depth - panel * width));
        var taps = call.Taps.AsSpan(column, columns);
        var rows = NativeBuffer.Grow(ref t_rows, PixelsAtOnce * width);
        var transposed = NativeBuffer.Grow(ref t_panel, PixelsAtOnce * width);
        Span<PixelRun> space = stackalloc PixelRun[PixelsAtOnce];
        var target = call.Sums + ((long)split * shape.Outputs + group * shape.GroupOutputs) * shape.Depth + column;
        for (var image = split; image < call.Images; image += call.Splits)
            for (var pixel = 0; pixel < shape.Pixels; pixel += PixelsAtOnce)
            {
                var count = Math.Min(PixelsAtOnce, shape.Pixels - pixel);
                var runs = space[..call.Runs.Find((long)image * shape.Pixels + pixel, count, space)];
                ConvPanel.Pack(call.Padded + group * shape.GroupChannels * call.Input.PlaneLength, taps, runs, rows, count);
                Panels.Transpose(rows, count, columns, count, transposed, width);
                AddStrips<S, V>(call, image, group, pixel, count, transposed, target, columns);
            }
    }

    private static void AddStrips<S, V>(in Call call, int image, int group, int pixel, int count, float* panel, float* target, int columns)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, width) = (call.Shape, 2 * S.Count);
        var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows);
        var gradients = call.Packed + ((long)image * shape.Outputs + group * shape.GroupOutputs) * shape.Pixels;
        var edge = stackalloc float[ConvWeights.TileRows * width];
        for (var strip = 0; strip < strips.Count; strip++)
        {
            var row = strips.Start(strip);
            var rows = strips.Start(strip + 1) - row;
            var a = gradients + (long)row * shape.Pixels + (long)pixel * rows;
            var c = target + (long)row * shape.Depth;
            if (columns == width)
            {
                GemmTile.Run<S, V>(rows, count, a, panel, c, shape.Depth, true, null);
                continue;
            }
            GemmTile.Run<S, V>(rows, count, a, panel, edge, width, false, null);
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++)
                    c[(long)i * shape.Depth + j] += edge[i * width + j];
        }
    }

    private readonly struct Call(ConvShape shape, ConvInput input, float* padded, float* packed, int images, float* sums, int splits)
    {
        public readonly ConvShape Shape = shape;
        public readonly ConvInput Input = input;
        public readonly float* Padded = padded, Packed = packed, Sums = sums;
        public readonly int Images = images, Splits = splits;
        public readonly long[] Taps = input.Taps();
        public readonly PixelRuns Runs = new(shape, input.ImageLength, input.RowStep);
    }
}
