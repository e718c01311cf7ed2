using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution as a matrix product whose right side is never formed: panels of output pixels are gathered from the padded input
/// into the cache, and <see cref="GemmTile"/> runs over them.</summary>
/// <remarks>Each output is one sum over its weights in order, cut only at multiples that depend on their number alone; so results are the
/// same bytes on any number of threads, with weights packed ahead or not, and in any batch.</remarks>
internal static unsafe class ConvForward
{
    /// <summary>Multiplications that make a chunk worth claiming: some 0.1 ms.</summary>
    private const long ChunkWork = 1 << 23;

    /// <summary>Floats of padded images that stay in the L2 cache beside a panel.</summary>
    private const long CachedInput = 1 << 17;

    [ThreadStatic]
    private static NativeBuffer? t_weights;

    [ThreadStatic]
    private static NativeBuffer? t_input;

    [ThreadStatic]
    private static NativeBuffer? t_panel;

    /// <summary>y = x * weight (+ bias).</summary>
    /// <param name="shape">All sizes.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="weight">[O, C/groups, kh, kw].</param>
    /// <param name="packed">The same packed ahead, or null.</param>
    /// <param name="bias">[O], or null.</param>
    /// <param name="y">[B, O, H', W'].</param>
    public static void Run(ConvShape shape, float* x, float* weight, ConvWeights? packed, float* bias, float* y)
    {
        var weights = packed is null ? NativeBuffer.Grow(ref t_weights, ConvWeights.Length(shape)) : packed.Pointer;
        if (packed is null)
            ConvWeights.Pack(shape, weight, weights);
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(shape, x, weights, bias, y);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(shape, x, weights, bias, y);
        else
            Run<Simd128, Vector128<float>>(shape, x, weights, bias, y);
        GC.KeepAlive(packed);
    }

    private static void Run<S, V>(ConvShape shape, float* x, float* weights, float* bias, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        if (WinogradConv.Fits(shape))
            WinogradConv.Run<S, V>(shape, x, weights, bias, y);
        else
            Run<S, V>(new(shape, x, weights, bias, y));
    }

    private static void Run<S, V>(Call call) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var perImage = (long)shape.Outputs * shape.Depth * shape.Pixels;
        var images = (int)Math.Clamp(Math.Min(ChunkWork / perImage, CachedInput / call.Input.ImageLength), 1, shape.Batch);
        var blocks = (shape.Batch + images - 1) / images;
        if (blocks >= 4)
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
        for (var pixel = 0L; pixel < pixels; pixel += 2 * S.Count)
            for (var group = 0; group < shape.Groups; group++)
                RunPanel<S, V>(call, input, output, new(pixel, (int)Math.Min(2 * S.Count, pixels - pixel), group, 0, int.MaxValue));
    }

    /// <summary>All threads share few images: they pad channels, then compute panels.</summary>
    private static void RunTogether<S, V>(Call call) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var input = call.X;
        if (!shape.IsPointwise)
        {
            input = NativeBuffer.Grow(ref t_input, call.Input.ImageLength * shape.Batch);
            var planes = shape.Batch * shape.Channels;
            var perChunk = (int)Math.Clamp(Elementwise.Chunk / call.Input.PlaneLength, 1, planes);
            Workers.For((planes + perChunk - 1) / perChunk, (call, perChunk, planes, (nint)input), static (chunk, state) =>
            {
                var (call, perChunk, planes, target) = state;
                var (shape, first) = (call.Shape, chunk * perChunk);
                call.Input.Fill(call.X + first * ((long)shape.Height * shape.Width), Math.Min(perChunk, planes - first),
                    (float*)target + first * call.Input.PlaneLength);
            });
        }
        var plan = new PanelPlan(shape, 2 * S.Count);
        Workers.For(plan.Chunks, (call, plan, (nint)input), static (chunk, state) =>
        {
            var (call, plan, input) = state;
            var (first, end) = plan.Panels(chunk);
            for (var panel = first; panel < end; panel++)
                RunPanel<S, V>(call, (float*)input, call.Y, plan.Part(chunk, panel));
        });
    }

    /// <summary>One panel of pixels against some strips of the weights of one group.</summary>
    /// <param name="call">The convolution.</param>
    /// <param name="input">The images that the panel's pixels count from, padded.</param>
    /// <param name="output">Their outputs.</param>
    /// <param name="part">Which pixels and strips.</param>
    private static void RunPanel<S, V>(in Call call, float* input, float* output, PanelPart part)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var width = 2 * S.Count;
        Span<PixelRun> space = stackalloc PixelRun[32];
        ReadOnlySpan<PixelRun> runs = space[..call.Runs.Find(part.Pixel, part.Count, space)];
        input += part.Group * shape.GroupChannels * call.Input.PlaneLength;
        output += (long)part.Group * shape.GroupOutputs * shape.Pixels;
        var isDirect = part.Count == width && call.Runs.RowLength % (S.Count / 2) == 0;
        var passes = Gemm.Passes(shape.Depth);
        for (var pass = 0; pass < passes; pass++)
        {
            var start = Gemm.PassStart(shape.Depth, pass);
            var depth = Gemm.PassStart(shape.Depth, pass + 1) - start;
            if (isDirect)
            {
                RunDirect<S, V>(call, input, output, runs, part, start, depth);
                continue;
            }
            var panel = NativeBuffer.Grow(ref t_panel, (long)depth * width);
            ConvPanel.Pack(input, call.Taps.AsSpan(start, depth), runs, panel, width);
            RunStrips<S, V>(call, panel, output, runs, part, start, depth);
        }
        if (call.Bias != null)
            AddBias(call, output, runs, part);
    }

    /// <summary>A panel of whole half registers of pixels is read where it lies.</summary>
    private static void RunDirect<S, V>(
        in Call call, float* input, float* output, ReadOnlySpan<PixelRun> runs, PanelPart part, int start, int depth)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows);
        var weights = call.Weights + (long)part.Group * shape.GroupOutputs * shape.Depth;
        Span<(long Source, long Target)> halves = stackalloc (long, long)[4];
        var found = 0;
        foreach (var run in runs)
            for (var i = 0; i < run.Length; i += S.Count / 2)
                halves[found++] = (run.Source + i, run.Target + i);
        fixed (long* taps = call.Taps)
            for (var strip = part.FirstStrip; strip < Math.Min(part.EndStrip, strips.Count); strip++)
            {
                var row = strips.Start(strip);
                var rows = strips.Start(strip + 1) - row;
                var target = output + (long)row * shape.Pixels;
                var columns = new ApartColumns(
                    input + halves[0].Source, input + halves[1].Source, input + halves[2].Source, input + halves[3].Source,
                    target + halves[0].Target, target + halves[1].Target, target + halves[2].Target, target + halves[3].Target);
                GemmTile.RunApart<S, V>(rows, depth, weights + (long)row * shape.Depth + (long)start * rows, columns, taps + start,
                    shape.Pixels, start > 0);
            }
    }

    private static void RunStrips<S, V>(
        in Call call, float* panel, float* output, ReadOnlySpan<PixelRun> runs, PanelPart part, int start, int depth)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var (width, pixels) = (2 * S.Count, shape.Pixels);
        var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows);
        var weights = call.Weights + (long)part.Group * shape.GroupOutputs * shape.Depth;
        var edge = stackalloc float[ConvWeights.TileRows * width];
        var isOneRun = part.Count == width && runs[^1].Target - runs[0].Target + runs[^1].Length == width;
        for (var strip = part.FirstStrip; strip < Math.Min(part.EndStrip, strips.Count); strip++)
        {
            var row = strips.Start(strip);
            var rows = strips.Start(strip + 1) - row;
            var a = weights + (long)row * shape.Depth + (long)start * rows;
            var target = output + (long)row * pixels;
            if (isOneRun)
                GemmTile.Run<S, V>(rows, depth, a, panel, target + runs[0].Target, pixels, start > 0, null);
            else
            {
                GemmTile.Run<S, V>(rows, depth, a, panel, edge, width, false, null);
                Scatter(edge, width, rows, runs, target, pixels, start > 0);
            }
        }
    }

    private static void Scatter(float* edge, int width, int rows, ReadOnlySpan<PixelRun> runs, float* target, int rowDistance,
        bool accumulate)
    {
        for (var row = 0; row < rows; row++)
        {
            var source = edge + row * width;
            foreach (var run in runs)
            {
                var to = target + (long)row * rowDistance + run.Target;
                for (var i = 0; i < run.Length; i++)
                    to[i] = accumulate ? to[i] + source[i] : source[i];
                source += run.Length;
            }
        }
    }

    private static void AddBias(in Call call, float* output, ReadOnlySpan<PixelRun> runs, PanelPart part)
    {
        var shape = call.Shape;
        var strips = new Gemm.Strips(shape.GroupOutputs, ConvWeights.TileRows);
        var end = strips.Start(Math.Min(part.EndStrip, strips.Count));
        for (var row = strips.Start(part.FirstStrip); row < end; row++)
            foreach (var run in runs)
            {
                var y = new Span<float>(output + (long)row * shape.Pixels + run.Target, run.Length);
                System.Numerics.Tensors.TensorPrimitives.Add(y, call.Bias[part.Group * shape.GroupOutputs + row], y);
            }
    }

    private readonly struct Call(ConvShape shape, float* x, float* weights, float* bias, float* y)
    {
        public readonly ConvShape Shape = shape;
        public readonly float* X = x, Weights = weights, Bias = bias, Y = y;
        public readonly ConvInput Input = new(shape);
        public readonly long[] Taps = new ConvInput(shape).Taps();
        public readonly PixelRuns Runs = new(shape, new ConvInput(shape).ImageLength, new ConvInput(shape).RowStep);
    }

    /// <summary>Some pixels, numbered through the images, against some strips of a group's weights.</summary>
    private readonly record struct PanelPart(long Pixel, int Count, int Group, int FirstStrip, int EndStrip);

    /// <summary>How the panels of all images and groups are shared out; where they are few, the strips of weights are too.</summary>
    private readonly struct PanelPlan
    {
        private const int FewPanels = 16;

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
            _parts = _panels * shape.Groups < FewPanels && strips >= 4 ? 4 : 1;
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
