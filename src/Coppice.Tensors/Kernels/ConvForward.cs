using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution as a matrix product whose right side is never formed: panels of output pixels are gathered from the padded input
/// into the cache, and <see cref="GemmTile"/> runs over them.</summary>
/// <remarks>Each output is one sum over its weights in order, cut only at multiples that depend on their number alone; so results are the
/// same bytes on any number of threads, with weights packed ahead or not, and in any batch.</remarks>
internal static unsafe class ConvForward
{
    /// <summary>Multiplications that make a block of images worth having its own padded copy: some 0.1 ms.</summary>
    private const long BlockWork = 1 << 23;

    /// <summary>Multiplications that make a chunk worth claiming: some 10 us.</summary>
    private const long ChunkWork = 1 << 20;

    /// <summary>Floats of padded images that stay in the L2 cache beside a panel.</summary>
    private const long CachedInput = 1 << 17;

    /// <summary>Most panels that are multiplied by a strip of weights while it is in the cache.</summary>
    private const int MostPanels = 8;

    /// <summary>Floats of those panels, along a pass, that leave room for the weights in the L2 cache.</summary>
    private const int CachedPanels = 1 << 16;

    /// <summary>Most runs that the pixels of a panel make.</summary>
    private const int MaxRuns = 32;

    [ThreadStatic]
    private static NativeBuffer? t_weights;

    [ThreadStatic]
    private static NativeBuffer? t_input;

    [ThreadStatic]
    private static NativeBuffer? t_panel;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    /// <summary>y = x * weight, finished.</summary>
    /// <param name="shape">All sizes.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="weight">[O, C/groups, kh, kw].</param>
    /// <param name="packed">The same packed ahead, or null.</param>
    /// <param name="finish">What is done to the sums.</param>
    /// <param name="y">[B, O, H', W'].</param>
    public static void Run(ConvShape shape, float* x, float* weight, ConvWeights? packed, in ConvFinish finish, float* y)
    {
        var weights = packed is null ? NativeBuffer.Grow(ref t_weights, ConvWeights.Length(shape)) : packed.Pointer;
        if (packed is null)
            ConvWeights.Pack(shape, weight, weights);
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(shape, x, weights, finish, y);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(shape, x, weights, finish, y);
        else
            Run<Simd128, Vector128<float>>(shape, x, weights, finish, y);
        GC.KeepAlive(packed);
    }

    private static void Run<S, V>(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        if (WinogradConv.Fits(shape))
            WinogradConv.Run<S, V>(shape, x, weights, finish, y);
        else if (FewPixelConv.Fits(shape))
            FewPixelConv.Run<S, V>(shape, x, weights, finish, y);
        else
            Run<S, V>(new(shape, x, weights, finish, y));
    }

    private static void Run<S, V>(Call call) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var perImage = (long)shape.Outputs * shape.Depth * shape.Pixels;
        var images = (int)Math.Clamp(Math.Min(BlockWork / perImage, CachedInput / call.Input.ImageLength), 1, shape.Batch);
        var blocks = (shape.Batch + images - 1) / images;
        var (pixels, width) = (images * (long)shape.Pixels, 2 * S.Count);
        var fillsPanels = (pixels + width - 1) / width * width * 10 <= pixels * 11;
        if (blocks >= 4 && fillsPanels)
            Workers.For(blocks, (call, images), static (block, state) =>
            {
                var first = block * state.images;
                RunBlock<S, V>(state.call, first, Math.Min(state.images, state.call.Shape.Batch - first));
            });
        else
            RunTogether<S, V>(call);
    }

    /// <summary>A thread on its own computes some images: padded, then panel by panel.</summary>
    private static void RunBlock<S, V>(in Call call, int first, int images) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var source = call.X + first * shape.Channels * ((long)shape.Height * shape.Width);
        var input = source;
        if (!shape.IsPointwise)
        {
            input = NativeBuffer.Grow(ref t_input, call.Input.ImageLength * images);
            call.Input.Fill(source, images * shape.Channels, input);
        }
        var output = call.Y + (long)first * shape.Outputs * shape.Pixels;
        var pixels = (long)images * shape.Pixels;
        var step = call.PixelsAtOnce(2 * S.Count);
        for (var pixel = 0L; pixel < pixels; pixel += step)
            for (var group = 0; group < shape.Groups; group++)
                RunPanels<S, V>(call, input, output, new(pixel, (int)Math.Min(step, pixels - pixel), group, 0, int.MaxValue));
    }

    /// <summary>All threads share few images: they pad channels, then compute panels.</summary>
    private static void RunTogether<S, V>(Call call) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var input = call.X;
        if (!shape.IsPointwise)
        {
            input = NativeBuffer.Grow(ref t_input, call.Input.ImageLength * shape.Batch);
            call.Input.FillAll(call.X, input);
        }
        var plan = new PanelPlan(shape, call.PixelsAtOnce(2 * S.Count));
        Workers.For(plan.Chunks, (call, plan, (nint)input), static (chunk, state) =>
        {
            var (call, plan, input) = state;
            var (first, end) = plan.Panels(chunk);
            for (var panel = first; panel < end; panel++)
                RunPanels<S, V>(call, (float*)input, call.Y, plan.Part(chunk, panel));
        });
    }

    /// <summary>Some panels of pixels against some strips of the weights of one group.</summary>
    /// <param name="call">The convolution.</param>
    /// <param name="input">The images that the panels' pixels count from, padded.</param>
    /// <param name="output">Their outputs.</param>
    /// <param name="part">Which pixels and strips.</param>
    private static void RunPanels<S, V>(in Call call, float* input, float* output, PanelPart part)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, width) = (call.Shape, 2 * S.Count);
        var (channels, depth, passes) = (part.Group * shape.GroupOutputs, shape.Depth, Gemm.Passes(shape.Depth));
        input += part.Group * shape.GroupChannels * call.Input.PlaneLength;
        output += (long)channels * shape.Pixels;
        var count = (part.Count + width - 1) / width;
        var (gathered, summed) = ((depth + passes - 1) / passes * width, shape.GroupOutputs * width);
        var packed = NativeBuffer.Grow(ref t_panel, (long)count * gathered);
        var sums = NativeBuffer.Grow(ref t_sums, (long)count * summed);
        var panels = stackalloc ConvPixels[MostPanels];
        var runs = stackalloc PixelRun[MostPanels * MaxRuns];
        for (var i = 0; i < count; i++)
            panels[i] = ConvPixels.Of<S, V>(call.Runs, part.Pixel + i * width, Math.Min(part.Count - i * width, width), runs + i * MaxRuns,
                input, output, packed + (long)i * gathered, sums + (long)i * summed);
        var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows);
        var weights = call.Weights + (long)channels * depth;
        for (var pass = 0; pass < passes; pass++)
        {
            var (start, end) = (Gemm.PassStart(depth, pass), Gemm.PassStart(depth, pass + 1));
            for (var i = 0; i < count; i++)
                panels[i].Gather(input, call.Taps.AsSpan(start, end - start), width);
            for (var strip = part.FirstStrip; strip < Math.Min(part.EndStrip, strips.Count); strip++)
            {
                var (row, next) = (strips.Start(strip), strips.Start(strip + 1));
                var tile = new TileRange(row, next - row, channels + row, start, end);
                for (var i = 0; i < count; i++)
                {
                    if (strip == part.FirstStrip && shape.IsPointwise)
                        panels[i].FetchNext(call.Taps.AsSpan(start, end - start), width);
                    Multiply<S, V>(call, panels[i], weights + (long)row * depth + (long)start * (next - row), tile);
                }
            }
        }
    }

    /// <summary>Some rows of weights, at <paramref name="a"/>, times a panel.</summary>
    private static void Multiply<S, V>(in Call call, in ConvPixels panel, float* a, TileRange tile) where S : struct, ISimd<V> where V : unmanaged
    {
        var (width, pixels, depth) = (2 * S.Count, call.Shape.Pixels, tile.End - tile.Start);
        var isLast = tile.End == call.Shape.Depth;
        if (panel.Sums != null)
        {
            var sums = panel.Sums + (long)tile.Row * width;
            GemmTile.Run<S, V>(tile.Rows, depth, a, panel.Packed, sums, width, tile.Start > 0, null);
            for (var row = 0; isLast && row < tile.Rows; row++, sums += width)
                panel.Write(call.Finish, sums, tile.Output + row, (long)(tile.Row + row) * pixels);
            return;
        }
        var columns = panel.Columns.Below((long)tile.Row * pixels);
        if (isLast)
            call.Finish.FetchNext(columns.C0 + width, tile.Rows, pixels, width);
        if (panel.Packed != null)
            GemmTile.Run<S, V>(tile.Rows, depth, a, panel.Packed, columns.C0, pixels, tile.Start > 0, null);
        else
            fixed (long* taps = call.Taps)
                GemmTile.RunApart<S, V>(tile.Rows, depth, a, columns, taps + tile.Start, pixels, tile.Start > 0);
        if (isLast && !call.Finish.IsNothing)
            call.Finish.Tile<S, V>(tile.Output, tile.Rows, columns, pixels);
    }

    private readonly struct Call(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y)
    {
        public readonly ConvShape Shape = shape;
        public readonly float* X = x, Weights = weights, Y = y;
        public readonly ConvFinish Finish = finish;
        public readonly ConvInput Input = new(shape);
        public readonly long[] Taps = new ConvInput(shape).Taps();
        public readonly PixelRuns Runs = new(shape, new ConvInput(shape).ImageLength, new ConvInput(shape).RowStep);

        /// <summary>Pixels of the panels that share a strip of weights.</summary>
        public int PixelsAtOnce(int width)
        {
            var depth = (Shape.Depth + Gemm.Passes(Shape.Depth) - 1) / Gemm.Passes(Shape.Depth);
            return width * Math.Clamp(CachedPanels / (depth * width), 2, MostPanels);
        }
    }

    /// <summary>Rows of a strip, counted in the group, the output channel of the first one, and a run along the depth.</summary>
    private readonly record struct TileRange(int Row, int Rows, int Output, int Start, int End);

    /// <summary>Some pixels, numbered through the images, against some strips of a group's weights.</summary>
    private readonly record struct PanelPart(long Pixel, int Count, int Group, int FirstStrip, int EndStrip);

    /// <summary>How the panels of all images and groups are shared out; where they are few, the strips of weights are too.</summary>
    /// <remarks>Sums do not depend on it, so it may depend on the number of threads: each part of the strips gathers its panels anew.</remarks>
    private readonly struct PanelPlan
    {
        private const int FewPanels = 8;

        private readonly ConvShape _shape;
        private readonly int _width;
        private readonly long _panels;
        private readonly int _perChunk;
        private readonly int _parts;
        private readonly int _stripsPerPart;

        public PanelPlan(ConvShape shape, int width)
        {
            (_shape, _width) = (shape, width);
            _panels = ((long)shape.Batch * shape.Pixels + width - 1) / width;
            var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows).Count;
            var threads = Workers.ThreadCount;
            _parts = threads > 1 && _panels * shape.Groups < FewPanels ? Math.Min(2 * threads, strips) : 1;
            _stripsPerPart = (strips + _parts - 1) / _parts;
            var work = (long)shape.GroupOutputs * shape.Depth * width / _parts;
            _perChunk = (int)Math.Clamp(ChunkWork / Math.Max(1, work), 1, _panels * shape.Groups);
            Chunks = checked((int)((_panels * shape.Groups + _perChunk - 1) / _perChunk)) * _parts;
        }

        public int Chunks { get; }

        public (long First, long End) Panels(int chunk)
        {
            var first = (long)(chunk / _parts) * _perChunk;
            return (first, Math.Min(first + _perChunk, _panels * _shape.Groups));
        }

        public PanelPart Part(int chunk, long panel)
        {
            var (group, within) = Math.DivRem(panel, _panels);
            var pixel = within * _width;
            var strip = chunk % _parts * _stripsPerPart;
            return new(pixel, (int)Math.Min(_width, (long)_shape.Batch * _shape.Pixels - pixel), (int)group, strip, strip + _stripsPerPart);
        }
    }
}
