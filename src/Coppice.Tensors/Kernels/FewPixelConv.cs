using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution to images of few pixels: registers hold neighbouring output channels instead of neighbouring pixels, which would
/// not fill them, and sums are turned round on their way out.</summary>
/// <remarks>The sums are those of <see cref="ConvForward"/>, in the same order and cut at the same places: the same bytes on any number of
/// threads and in any batch.</remarks>
internal static unsafe class FewPixelConv
{
    /// <summary>Shortest sums that are worth turning round.</summary>
    private const int ShortestDepth = 64;

    /// <summary>Pixels, of whole images, that are multiplied by a panel of weights while it is in the cache.</summary>
    private const int PixelsAtOnce = 256;

    /// <summary>Chunks a thread should find, so that none waits long for the last.</summary>
    private const int ChunksPerThread = 8;

    /// <summary>Most floats of a panel that are fetched ahead; of more, the processor foresees most by itself.</summary>
    private const int MostFetched = 1 << 13;

    [ThreadStatic]
    private static NativeBuffer? t_input;

    [ThreadStatic]
    private static NativeBuffer? t_gathered;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    /// <summary>Whether output channels fill registers better than pixels do; a matter of the image, not of the batch.</summary>
    public static bool Fits(ConvShape shape)
    {
        var (pixels, outputs) = (RoundUp(shape.Pixels), RoundUp(shape.GroupOutputs));
        return shape.Depth >= ShortestDepth && outputs <= 2 * shape.GroupOutputs
            && 21 * outputs * shape.Pixels <= 20 * pixels * shape.GroupOutputs;
    }

    /// <summary>Floats of the arranged weights.</summary>
    public static long WeightLength(ConvShape shape) => shape.Groups * RoundUp(shape.GroupOutputs) * shape.Depth;

    /// <summary>Arranges weights [O, C/groups, kh, kw] as [group][panel of outputs][depth][outputs of the panel].</summary>
    public static void ArrangeWeights(ConvShape shape, float* weight, float* target)
    {
        var (outputs, depth) = (shape.GroupOutputs, shape.Depth);
        for (var group = 0; group < shape.Groups; group++)
        {
            var source = new PackedMatrix.Source(depth, outputs, weight + (long)group * outputs * depth, depth, transposed: true);
            for (var panel = 0; panel < RoundUp(outputs) / Gemm.PanelWidth; panel++, target += (long)depth * Gemm.PanelWidth)
                source.PackPanel(panel, 0, depth, target);
        }
    }

    /// <summary>y = x * weight, finished.</summary>
    /// <param name="shape">All sizes, of a convolution that <see cref="Fits"/>.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="weights">Arranged.</param>
    /// <param name="finish">What is done to the sums.</param>
    /// <param name="y">[B, O, H', W'].</param>
    public static void Run<S, V>(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var most = Math.Clamp(PixelsAtOnce / shape.Pixels, 1, shape.Batch);
        var blocks = (shape.Batch + most - 1) / most;
        for (var block = 0; block < blocks; block++)
        {
            var (first, end) = ((long)shape.Batch * block / blocks, (long)shape.Batch * (block + 1) / blocks);
            RunImages<S, V>(new(shape with { Batch = (int)(end - first) }, x + first * shape.Channels * shape.Height * shape.Width, weights,
                finish, y + first * shape.Outputs * shape.Pixels));
        }
    }

    private static void RunImages<S, V>(Call call) where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        var input = call.X;
        if (!shape.IsPointwise)
        {
            input = NativeBuffer.Grow(ref t_input, call.Input.ImageLength * shape.Batch);
            call.Input.FillAll(call.X, input);
        }
        var gathered = NativeBuffer.Grow(ref t_gathered, (long)shape.Groups * call.Pixels * shape.Depth);
        Workers.For(shape.Groups * call.Strips.Count, (call, (nint)input, (nint)gathered), static (chunk, state) =>
            Gather(state.call, (float*)state.Item2, (float*)state.Item3, chunk));
        Workers.For(call.Chunks, (call, (nint)gathered), static (chunk, state) => Multiply<S, V>(state.call, (float*)state.Item2, chunk));
    }

    /// <summary>What a strip of pixels reads, [tap][pixel].</summary>
    private static void Gather(in Call call, float* input, float* gathered, int chunk)
    {
        var (group, strip) = Math.DivRem(chunk, call.Strips.Count);
        var (first, count) = (call.Strips.Start(strip), call.Strips.Start(strip + 1) - call.Strips.Start(strip));
        Span<PixelRun> runs = stackalloc PixelRun[ConvWeights.TileRows];
        var found = call.Runs.Find(first, count, runs);
        ConvPanel.Pack(input + group * call.Shape.GroupChannels * call.Input.PlaneLength, call.Taps, runs[..found],
            gathered + ((long)group * call.Pixels + first) * call.Shape.Depth, count);
    }

    /// <summary>Some strips of pixels against a panel of outputs.</summary>
    private static void Multiply<S, V>(in Call call, float* gathered, int chunk) where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, depth, width) = (call.Shape, call.Shape.Depth, 2 * S.Count);
        var (numbered, part) = Math.DivRem(chunk, call.Parts);
        var (group, panel) = Math.DivRem(numbered, call.Panels);
        var (start, end) = (call.Strips.Count * part / call.Parts, call.Strips.Count * (part + 1) / call.Parts);
        var (first, count) = (call.Strips.Start(start), call.Strips.Start(end) - call.Strips.Start(start));
        // Before the sums lie two squares to turn them round in; behind them registers may be read that reach no output.
        var squares = NativeBuffer.Grow(ref t_sums, (long)(count + 2 * S.Count) * width);
        var sums = squares + S.Count * width;
        var weights = call.Weights + (long)numbered * depth * width;
        for (var pass = 0; pass < Gemm.Passes(depth); pass++)
        {
            var (from, to) = (Gemm.PassStart(depth, pass), Gemm.PassStart(depth, pass + 1));
            for (var strip = start; strip < end; strip++)
            {
                var (pixel, rows) = (call.Strips.Start(strip), call.Strips.Start(strip + 1) - call.Strips.Start(strip));
                if ((to - from) * width <= MostFetched)
                    Fetch(weights + (long)to * width, (long)(to - from) * width, strip - start, end - start);
                GemmTile.Run<S, V>(rows, to - from, gathered + ((long)group * call.Pixels + pixel) * depth + (long)from * rows,
                    weights + (long)from * width, sums + (long)(pixel - first) * width, width, pass > 0, null);
            }
        }
        Write<S, V>(call, squares, first, count, group * shape.GroupOutputs + panel * width,
            Math.Min(width, shape.GroupOutputs - panel * width));
    }

    /// <summary>Fetches a share of the weights that follow: a model's are too many to stay near from one run to the next.</summary>
    private static void Fetch(float* weights, long length, int share, int shares)
    {
        for (var at = length * share / shares; at < length * (share + 1) / shares; at += Prefetch.LineLength)
            Prefetch.LaterLine(weights + at);
    }

    /// <summary>Finishes sums [pixel][output] and writes them, image by image.</summary>
    private static void Write<S, V>(in Call call, float* squares, int pixel, int count, int output, int outputs)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (pixels, width) = (call.Shape.Pixels, 2 * S.Count);
        var sums = squares + S.Count * width;
        while (count > 0)
        {
            var (image, within) = Math.DivRem(pixel, pixels);
            var length = Math.Min(count, pixels - within);
            var target = call.Y + ((long)image * call.Shape.Outputs + output) * pixels + within;
            for (var side = 0; side < outputs; side += S.Count)
                WriteColumns<S, V>(call, sums + side, squares, target + (long)side * pixels, output + side,
                    Math.Min(S.Count, outputs - side), length);
            (pixel, count) = (pixel + length, count - length);
            sums += (long)length * width;
        }
    }

    /// <summary>A register of outputs, or fewer, of neighbouring pixels. The last register of pixels overlaps the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WriteColumns<S, V>(in Call call, float* sums, float* squares, float* y, int output, int outputs, int length)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (pixels, finish) = (call.Shape.Pixels, call.Finish);
        var lanes = finish.In<S, V>();
        var turned = squares + S.Count * S.Count;
        for (var i = 0; i < length; i += S.Count)
        {
            var at = Math.Max(0, Math.Min(i, length - S.Count));
            SquareTranspose.Run<S, V>(sums + at * 2 * S.Count, 2 * S.Count, squares, turned);
            for (var row = 0; row < outputs; row++)
                if (length >= S.Count)
                    lanes.Store(S.Add(S.Load(turned + row * S.Count), S.Create(finish.Bias(output + row))), y + (long)row * pixels + at);
                else
                    finish.Run(turned + row * S.Count, y + (long)row * pixels, output + row, length);
        }
    }

    private static long RoundUp(int count) => ((long)count + Gemm.PanelWidth - 1) / Gemm.PanelWidth * Gemm.PanelWidth;

    /// <summary>Some images.</summary>
    private readonly struct Call
    {
        public readonly ConvShape Shape;
        public readonly float* X, Weights, Y;
        public readonly ConvFinish Finish;
        public readonly ConvInput Input;
        public readonly long[] Taps;
        public readonly PixelRuns Runs;

        /// <summary>Pixels of all images, and their strips, as high as a tile.</summary>
        public readonly int Pixels;
        public readonly Gemm.Strips Strips;

        /// <summary>Panels of a group's outputs, and parts of the strips that are multiplied by each.</summary>
        public readonly int Panels, Parts;

        public Call(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y)
        {
            (Shape, Finish) = (shape, finish);
            X = x;
            Weights = weights;
            Y = y;
            Input = new(shape);
            Taps = Input.Taps();
            Runs = new(shape, Input.ImageLength, Input.RowStep);
            Pixels = checked(shape.Batch * shape.Pixels);
            Strips = new(Pixels, ConvWeights.TileRows);
            Panels = (int)(RoundUp(shape.GroupOutputs) / Gemm.PanelWidth);
            // Sums do not depend on the parts, so the parts may depend on the threads.
            var threads = Workers.ThreadCount;
            Parts = threads == 1 ? 1 : Math.Clamp(ChunksPerThread * threads / (Panels * shape.Groups), 1, Strips.Count);
        }

        public int Chunks => Shape.Groups * Panels * Parts;
    }
}
