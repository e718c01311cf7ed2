using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Convolution with a 3x3 kernel by Winograd's F(2x2, 3x3): 16 multiplications for four outputs of a channel instead of 36.</summary>
/// <remarks>
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016): tiles of 4x4 inputs and the kernels are transformed
/// (<c>B' d B</c>, <c>G g G'</c>), each of their 16 entries is a matrix product over channels, and <c>A' m A</c> gives 2x2 outputs.
/// All factors are 1 but for halves in G, so errors are of the order of the direct sum's. A tile's result does not depend on its
/// neighbours in the work: the same bytes on any number of threads and in any batch.
/// </remarks>
internal static unsafe class WinogradConv
{
    /// <summary>Entries of a transformed tile.</summary>
    public const int Entries = 16;

    /// <summary>Channels below which the transforms cost more than they save.</summary>
    private const int FewestChannels = 16;

    /// <summary>Tiles times channels, in and out, whose 16 entries stay in the L2 cache.</summary>
    private const int CachedTiles = 8192;

    [ThreadStatic]
    private static NativeBuffer? t_rows;

    [ThreadStatic]
    private static NativeBuffer? t_inputs;

    [ThreadStatic]
    private static NativeBuffer? t_products;

    /// <summary>Whether the method can be used, and is worth it.</summary>
    public static bool Fits(ConvShape shape) =>
        (shape.KernelHeight, shape.KernelWidth, shape.Stride, shape.Dilation, shape.Groups) == (3, 3, 1, 1, 1)
        && Math.Min(shape.Channels, shape.Outputs) >= FewestChannels
        && shape.OutWidth >= 8 && shape.OutWidth % 2 == 0 && shape.OutHeight % 2 == 0;

    /// <summary>Floats of the transformed weights.</summary>
    public static long WeightLength(ConvShape shape) => (long)Entries * shape.Outputs * shape.Channels;

    /// <summary>Transforms weights [O, C, 3, 3] to [16][strip][C][rows of the strip].</summary>
    public static void TransformWeights(ConvShape shape, float* weight, float* target)
    {
        var strips = new Gemm.Strips(shape.Outputs, ConvWeights.TileRows);
        var plane = (long)shape.Outputs * shape.Channels;
        for (var strip = 0; strip < strips.Count; strip++)
        {
            var (start, end) = (strips.Start(strip), strips.Start(strip + 1));
            for (var output = start; output < end; output++)
                for (var channel = 0; channel < shape.Channels; channel++, weight += 9)
                    TransformKernel(weight, target + (long)start * shape.Channels + channel * (end - start) + output - start, plane);
        }
    }

    /// <summary>G g G', its entries <paramref name="plane"/> floats apart.</summary>
    private static void TransformKernel(float* g, float* target, long plane)
    {
        var rows = stackalloc float[12];
        for (var column = 0; column < 3; column++)
        {
            float outer = 0.5f * (g[column] + g[6 + column]), middle = 0.5f * g[3 + column];
            (rows[column], rows[3 + column], rows[6 + column], rows[9 + column]) = (g[column], outer + middle, outer - middle, g[6 + column]);
        }
        for (var row = 0; row < 4; row++, rows += 3, target += 4 * plane)
        {
            float outer = 0.5f * (rows[0] + rows[2]), middle = 0.5f * rows[1];
            (target[0], target[plane], target[2 * plane], target[3 * plane]) = (rows[0], outer + middle, outer - middle, rows[2]);
        }
    }

    /// <summary>y = x * weight, finished.</summary>
    /// <param name="shape">All sizes, of a convolution that <see cref="Fits"/>.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="weights">Transformed.</param>
    /// <param name="finish">What is done to the sums.</param>
    /// <param name="y">[B, O, H', W'].</param>
    public static void Run<S, V>(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var tiles = Math.Clamp(CachedTiles / (shape.Channels + shape.Outputs), 32, 256);
        var call = new Call(shape, x, weights, finish, y, 2 * S.Count, tiles);
        Workers.For(call.Blocks, call, static (block, call) => RunBlock<S, V>(call, block));
    }

    private static void RunBlock<S, V>(in Call call, int block) where S : struct, ISimd<V> where V : unmanaged
    {
        var (first, end) = (block * call.RowsPerBlock, Math.Min((block + 1) * call.RowsPerBlock, call.Rows));
        var inputs = NativeBuffer.Grow(ref t_inputs, Entries * call.InputPlane);
        var products = NativeBuffer.Grow(ref t_products, Entries * call.OutputPlane);
        TransformInputs<S, V>(call, first, end, inputs);
        Multiply<S, V>(call, (end - first) * call.Columns, inputs, products);
        TransformOutputs<S, V>(call, first, end, products);
    }

    /// <summary>The 16 products [O, C] x [C, tiles].</summary>
    private static void Multiply<S, V>(in Call call, int tiles, float* inputs, float* products)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, half) = (call.Shape, S.Count / 2);
        var strips = new Gemm.Strips(shape.Outputs, ConvWeights.TileRows);
        fixed (long* offsets = call.Offsets)
            for (var entry = 0; entry < Entries; entry++)
                for (var tile = 0; tile < tiles; tile += 2 * S.Count)
                    for (var strip = 0; strip < strips.Count; strip++)
                    {
                        var row = strips.Start(strip);
                        var b = inputs + entry * call.InputPlane + tile;
                        var c = products + entry * call.OutputPlane + (long)row * call.Step + tile;
                        var columns = new ApartColumns(
                            b, b + half, b + 2 * half, b + 3 * half, c, c + half, c + 2 * half, c + 3 * half);
                        GemmTile.RunApart<S, V>(strips.Start(strip + 1) - row, shape.Channels,
                            call.Weights + ((long)entry * shape.Outputs + row) * shape.Channels, columns, offsets, call.Step, false);
                    }
    }

    /// <summary>Transforms the inputs of rows of tiles, which are numbered through the images: [16][C][tiles].</summary>
    public static void TransformInputs<S, V>(in Call call, int first, int end, float* target)
        where S : struct, ISimd<V> where V : unmanaged
    {
        // Rows of few tiles are transformed in narrower registers.
        if (call.Columns >= S.Count)
            InputRows<S, V>(call, first, end, target);
        else if (call.Columns >= 8 && Vector256.IsHardwareAccelerated)
            InputRows<Simd256, Vector256<float>>(call, first, end, target);
        else
            InputRows<Simd128, Vector128<float>>(call, first, end, target);
    }

    private static void TransformOutputs<S, V>(in Call call, int first, int end, float* products)
        where S : struct, ISimd<V> where V : unmanaged
    {
        if (call.Columns >= S.Count)
            OutputRows<S, V>(call, first, end, products);
        else if (call.Columns >= 8 && Vector256.IsHardwareAccelerated)
            OutputRows<Simd256, Vector256<float>>(call, first, end, products);
        else
            OutputRows<Simd128, Vector128<float>>(call, first, end, products);
    }

    private static void InputRows<S, V>(in Call call, int first, int end, float* target) where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, length) = (call.Shape, call.Shape.Width + 2 * call.Shape.Padding);
        var rows = NativeBuffer.Grow(ref t_rows, (2L * call.RowsPerImage + 2) * length);
        for (int row = first, next; row < end; row = next)
        {
            var (image, within) = Math.DivRem(row, call.RowsPerImage);
            next = Math.Min(end, row + call.RowsPerImage - within);
            for (var channel = 0; channel < shape.Channels; channel++)
            {
                var plane = call.X + ((long)image * shape.Channels + channel) * shape.Height * shape.Width;
                Pad(shape, plane, 2 * within - shape.Padding, 2 * (next - row) + 2, rows);
                for (var i = row; i < next; i++)
                    TransformInput<S, V>(rows + 2 * (i - row) * length, length, call.Columns,
                        target + (long)channel * call.Step + (i - first) * call.Columns, call.InputPlane);
            }
        }
    }

    private static void Pad(ConvShape shape, float* plane, int first, int count, float* target)
    {
        for (var row = first; row < first + count; row++)
        {
            if ((uint)row >= (uint)shape.Height)
            {
                new Span<float>(target, shape.Width + 2 * shape.Padding).Clear();
                target += shape.Width + 2 * shape.Padding;
                continue;
            }
            for (var i = 0; i < shape.Padding; i++)
                *target++ = 0;
            ConvInput.CopyRow(plane + (long)row * shape.Width, shape.Width, target);
            target += shape.Width;
            for (var i = 0; i < shape.Padding; i++)
                *target++ = 0;
        }
    }

    /// <summary>B' d B of a row of tiles. The last register overlaps the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformInput<S, V>(float* d, int length, int columns, float* target, long plane)
        where S : struct, ISimd<V> where V : unmanaged
    {
        for (var column = 0; column < columns; column += S.Count)
        {
            var at = Math.Min(column, columns - S.Count);
            Across<S, V>(d + 2 * at, out var a0, out var a1, out var a2, out var a3);
            Across<S, V>(d + 2 * at + length, out var b0, out var b1, out var b2, out var b3);
            Across<S, V>(d + 2 * at + 2 * length, out var c0, out var c1, out var c2, out var c3);
            Across<S, V>(d + 2 * at + 3 * length, out var d0, out var d1, out var d2, out var d3);
            Down<S, V>(a0, b0, c0, d0, target + at, plane);
            Down<S, V>(a1, b1, c1, d1, target + plane + at, plane);
            Down<S, V>(a2, b2, c2, d2, target + 2 * plane + at, plane);
            Down<S, V>(a3, b3, c3, d3, target + 3 * plane + at, plane);
        }
    }

    /// <summary>One row of as many tiles as there are lanes, of which neighbours share two floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Across<S, V>(float* d, out V v0, out V v1, out V v2, out V v3) where S : struct, ISimd<V> where V : unmanaged
    {
        V left = S.Load(d), right = S.Load(d + S.Count), leftNext = S.Load(d + 2), rightNext = S.Load(d + 2 + S.Count);
        V d0 = S.Evens(left, right), d1 = S.Odds(left, right), d2 = S.Evens(leftNext, rightNext), d3 = S.Odds(leftNext, rightNext);
        (v0, v1, v2, v3) = (S.Subtract(d0, d2), S.Add(d1, d2), S.Subtract(d2, d1), S.Subtract(d1, d3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Down<S, V>(V d0, V d1, V d2, V d3, float* target, long plane) where S : struct, ISimd<V> where V : unmanaged
    {
        S.Store(S.Subtract(d0, d2), target);
        S.Store(S.Add(d1, d2), target + 4 * plane);
        S.Store(S.Subtract(d2, d1), target + 8 * plane);
        S.Store(S.Subtract(d1, d3), target + 12 * plane);
    }

    private static void OutputRows<S, V>(in Call call, int first, int end, float* products) where S : struct, ISimd<V> where V : unmanaged
    {
        var (shape, lanes) = (call.Shape, call.Finish.In<S, V>());
        for (var output = 0; output < shape.Outputs; output++)
            for (var row = first; row < end; row++)
            {
                var (image, within) = Math.DivRem(row, call.RowsPerImage);
                TransformOutput<S, V>(products + (long)output * call.Step + (row - first) * call.Columns,
                    call.OutputPlane, call.Columns, call.Finish.Bias(output), lanes,
                    call.Y + ((long)image * shape.Outputs + output) * shape.Pixels + 2L * within * shape.OutWidth);
            }
    }

    /// <summary>A' m A + bias of a row of tiles, finished: two rows of outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformOutput<S, V>(float* m, long plane, int columns, float bias, in ConvFinish.Lanes<S, V> finish, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var start = S.Create(bias);
        for (var column = 0; column < columns; column += S.Count)
        {
            var at = Math.Min(column, columns - S.Count);
            Up<S, V>(m + at, plane, out var a0, out var b0);
            Up<S, V>(m + plane + at, plane, out var a1, out var b1);
            Up<S, V>(m + 2 * plane + at, plane, out var a2, out var b2);
            Up<S, V>(m + 3 * plane + at, plane, out var a3, out var b3);
            Store(finish, start, a0, a1, a2, a3, y + 2 * at);
            Store(finish, start, b0, b1, b2, b3, y + 2 * columns + 2 * at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Up<S, V>(float* m, long plane, out V upper, out V lower) where S : struct, ISimd<V> where V : unmanaged
    {
        V m1 = S.Load(m + 4 * plane), m2 = S.Load(m + 8 * plane);
        upper = S.Add(S.Load(m), S.Add(m1, m2));
        lower = S.Subtract(S.Subtract(m1, m2), S.Load(m + 12 * plane));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<S, V>(in ConvFinish.Lanes<S, V> finish, V bias, V m0, V m1, V m2, V m3, float* y)
        where S : struct, ISimd<V> where V : unmanaged
    {
        V left = S.Add(S.Add(m0, S.Add(m1, m2)), bias), right = S.Add(S.Subtract(S.Subtract(m1, m2), m3), bias);
        finish.Store(S.ZipLow(left, right), y);
        finish.Store(S.ZipHigh(left, right), y + S.Count);
    }

    /// <summary>A convolution cut into blocks of tiles.</summary>
    internal readonly struct Call
    {
        public readonly ConvShape Shape;
        public readonly float* X, Weights, Y;
        public readonly ConvFinish Finish;

        /// <summary>Tiles of a row; rows of tiles of an image, of all, and of those computed at a time.</summary>
        public readonly int Columns, RowsPerImage, Rows, RowsPerBlock;

        /// <summary>Floats from a channel's tiles to the next one's; a multiple of <c>panel</c>.</summary>
        public readonly int Step;

        /// <summary>Floats from an entry of transformed tiles to the next one. A cache line more than needed: else, at powers of two, all
        /// 16 would fall on the same few places of the cache.</summary>
        public readonly long InputPlane, OutputPlane;

        /// <summary>Where each channel's tiles begin.</summary>
        public readonly long[] Offsets;

        public Call(ConvShape shape, float* x, float* weights, in ConvFinish finish, float* y, int panel, int tiles)
        {
            Shape = shape;
            X = x;
            Weights = weights;
            Finish = finish;
            Y = y;
            (Columns, RowsPerImage) = (shape.OutWidth / 2, shape.OutHeight / 2);
            Rows = checked(shape.Batch * RowsPerImage);
            RowsPerBlock = Math.Clamp(tiles / Columns, 1, Rows);
            Step = (RowsPerBlock * Columns + panel - 1) / panel * panel;
            (InputPlane, OutputPlane) = ((long)shape.Channels * Step + 16, (long)shape.Outputs * Step + 16);
            Offsets = new long[shape.Channels];
            for (var channel = 0; channel < Offsets.Length; channel++)
                Offsets[channel] = (long)channel * Step;
        }

        public int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;
    }
}
