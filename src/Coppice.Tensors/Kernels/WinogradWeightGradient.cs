using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>The weight gradient of <see cref="WinogradConv"/>: <c>G' (the sum over tiles of (A dy A') * (B' d B)) G</c>.</summary>
/// <remarks>The tiles are shared out by their number, and sums added up in order: the same bytes on any number of threads.</remarks>
internal static unsafe class WinogradWeightGradient
{
    /// <summary>Channels below which the transforms cost more than they save.</summary>
    private const int FewestChannels = 32;

    /// <summary>Most weights of one kernel entry; beyond, the sums of several threads take too much memory.</summary>
    private const long MaxPlane = 1 << 14;

    /// <summary>Tiles times channels held at a time; more than in the forward pass, as sums are longer and so fewer.</summary>
    private const int HeldTiles = 16384;

    /// <summary>Shares of the work.</summary>
    private const int Shares = 8;

    [ThreadStatic]
    private static NativeBuffer? t_inputs;

    [ThreadStatic]
    private static NativeBuffer? t_gradients;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    /// <summary>Whether the method can be used, and is worth it.</summary>
    public static bool Fits(ConvShape shape) => WinogradConv.Fits(shape)
        && Math.Min(shape.Channels, shape.Outputs) >= FewestChannels && (long)shape.Outputs * shape.Channels <= MaxPlane;

    /// <summary>dW; parameters as of <see cref="ConvWeightGradient.Run"/>.</summary>
    public static void Run<S, V>(ConvShape shape, float* x, float* dy, float* dw) where S : struct, ISimd<V> where V : unmanaged
    {
        var tiles = Math.Clamp(HeldTiles / (shape.Channels + shape.Outputs), 32, 256);
        var call = new WinogradConv.Call(shape, x, null, ConvFinish.Plain(null), dy, S.Count, tiles);
        var size = WinogradConv.WeightLength(shape);
        var splits = Math.Min(Shares, call.Blocks);
        var sums = NativeBuffer.Grow(ref t_sums, size * splits);
        Workers.For(splits, (call, splits, (nint)sums), static (split, state) =>
        {
            var (call, splits, sums) = state;
            var size = WinogradConv.WeightLength(call.Shape);
            var target = (float*)sums + split * size;
            new Span<float>(target, (int)size).Clear();
            for (var block = call.Blocks * split / splits; block < call.Blocks * (split + 1) / splits; block++)
                AddBlock<S, V>(call, block, target);
        });
        Workers.For(shape.Outputs, (call, splits, (nint)sums, (nint)dw), static (output, state) =>
        {
            var (call, splits, sums, dw) = state;
            var first = (long)output * call.Shape.Channels;
            for (var at = first; at < first + call.Shape.Channels; at++)
                Reduce(call.Shape, (float*)sums + at, splits, (float*)dw + 9 * at);
        });
    }

    private static void AddBlock<S, V>(in WinogradConv.Call call, int block, float* sums) where S : struct, ISimd<V> where V : unmanaged
    {
        var (first, end) = (block * call.RowsPerBlock, Math.Min((block + 1) * call.RowsPerBlock, call.Rows));
        var tiles = (end - first) * call.Columns;
        var length = (tiles + S.Count - 1) / S.Count * S.Count;
        var inputs = NativeBuffer.Grow(ref t_inputs, WinogradConv.Entries * call.InputPlane);
        var gradients = NativeBuffer.Grow(ref t_gradients, WinogradConv.Entries * call.OutputPlane);
        WinogradConv.TransformInputs<S, V>(call, first, end, inputs);
        TransformGradients<S, V>(call, first, end, gradients);
        if (length > tiles)
        {
            ClearTails(inputs, call.InputPlane, call.Shape.Channels, call.Step, tiles, length);
            ClearTails(gradients, call.OutputPlane, call.Shape.Outputs, call.Step, tiles, length);
        }
        Correlate<S, V>(call, inputs, gradients, length, sums);
    }

    private static void Correlate<S, V>(in WinogradConv.Call call, float* inputs, float* gradients, int length, float* sums)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var (outputs, channels) = (call.Shape.Outputs, call.Shape.Channels);
        var strips = new Gemm.Strips(outputs, CorrelationTile.MaxRows<S, V>());
        fixed (long* offsets = call.Offsets)
            for (var entry = 0; entry < WinogradConv.Entries; entry++)
                for (var strip = 0; strip < strips.Count; strip++)
                {
                    var row = strips.Start(strip);
                    var left = new CorrelationRows(gradients + entry * call.OutputPlane + (long)row * call.Step, call.Step, 0, length);
                    for (var channel = 0; channel < channels; channel += CorrelationTile.Columns)
                    {
                        var right = new CorrelationColumns(inputs + entry * call.InputPlane, 0, offsets + channel,
                            Math.Min(CorrelationTile.Columns, channels - channel));
                        CorrelationTile.Run<S, V>(strips.Start(strip + 1) - row, left, right, 1,
                            sums + ((long)entry * outputs + row) * channels + channel, channels);
                    }
                }
    }

    /// <summary>Lanes behind the last tile count as zeros.</summary>
    private static void ClearTails(float* transformed, long plane, int channels, int step, int tiles, int length)
    {
        for (var entry = 0; entry < WinogradConv.Entries; entry++)
            for (var channel = 0; channel < channels; channel++)
                new Span<float>(transformed + entry * plane + (long)channel * step + tiles, length - tiles).Clear();
    }

    // Rows of few tiles are transformed in narrower registers.
    private static void TransformGradients<S, V>(in WinogradConv.Call call, int first, int end, float* target)
        where S : struct, ISimd<V> where V : unmanaged
    {
        if (call.Columns >= S.Count)
            GradientRows<S, V>(call, first, end, target);
        else if (call.Columns >= 8 && Vector256.IsHardwareAccelerated)
            GradientRows<Simd256, Vector256<float>>(call, first, end, target);
        else
            GradientRows<Simd128, Vector128<float>>(call, first, end, target);
    }

    private static void GradientRows<S, V>(in WinogradConv.Call call, int first, int end, float* target)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var shape = call.Shape;
        for (var output = 0; output < shape.Outputs; output++)
            for (var row = first; row < end; row++)
            {
                var (image, within) = Math.DivRem(row, call.RowsPerImage);
                TransformGradient<S, V>(call.Y + ((long)image * shape.Outputs + output) * shape.Pixels + 2L * within * shape.OutWidth,
                    call.Columns, target + (long)output * call.Step + (row - first) * call.Columns, call.OutputPlane);
            }
    }

    /// <summary>A dy A' of a row of tiles. The last register overlaps the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformGradient<S, V>(float* dy, int columns, float* target, long plane)
        where S : struct, ISimd<V> where V : unmanaged
    {
        V zero = S.Create(0);
        for (var column = 0; column < columns; column += S.Count)
        {
            var at = Math.Min(column, columns - S.Count);
            float* upper = dy + 2 * at, lower = upper + 2 * columns;
            V a = S.Evens(S.Load(upper), S.Load(upper + S.Count)), b = S.Odds(S.Load(upper), S.Load(upper + S.Count));
            V c = S.Evens(S.Load(lower), S.Load(lower + S.Count)), d = S.Odds(S.Load(lower), S.Load(lower + S.Count));
            Down<S, V>(a, c, target + at, plane);
            Down<S, V>(S.Add(a, b), S.Add(c, d), target + plane + at, plane);
            Down<S, V>(S.Subtract(a, b), S.Subtract(c, d), target + 2 * plane + at, plane);
            Down<S, V>(S.Subtract(zero, b), S.Subtract(zero, d), target + 3 * plane + at, plane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Down<S, V>(V upper, V lower, float* target, long plane) where S : struct, ISimd<V> where V : unmanaged
    {
        S.Store(upper, target);
        S.Store(S.Add(upper, lower), target + 4 * plane);
        S.Store(S.Subtract(upper, lower), target + 8 * plane);
        S.Store(S.Subtract(S.Create(0), lower), target + 12 * plane);
    }

    /// <summary>G' m G of one kernel, m the sum of all shares'.</summary>
    private static void Reduce(ConvShape shape, float* sums, int splits, float* dw)
    {
        var (plane, size) = ((long)shape.Outputs * shape.Channels, WinogradConv.WeightLength(shape));
        var rows = stackalloc float[12];
        var m = stackalloc float[4];
        for (var row = 0; row < 4; row++)
        {
            for (var column = 0; column < 4; column++)
            {
                var sum = 0f;
                for (var split = 0; split < splits; split++)
                    sum += sums[split * size + (4 * row + column) * plane];
                m[column] = sum;
            }
            Fold(m, 1, rows + 3 * row, 1);
        }
        for (var column = 0; column < 3; column++)
            Fold(rows + column, 3, dw + column, 3);
    }

    /// <summary>G' of a vector of four.</summary>
    private static void Fold(float* m, int step, float* target, int targetStep)
    {
        float sum = 0.5f * (m[step] + m[2 * step]), difference = 0.5f * (m[step] - m[2 * step]);
        target[0] = m[0] + sum;
        target[targetStep] = difference;
        target[2 * targetStep] = sum + m[3 * step];
    }
}
