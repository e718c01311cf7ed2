using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Tensors.Kernels;

/// <summary>A plane's convolution with the usual kernel, 3x3 with a padding of 1, in registers that can leave out lanes: nothing is padded,
/// and each row of the plane is read once for all outputs that it is part of.</summary>
/// <remarks>An output's sum is over its weights in order, as everywhere; those outside of the plane are left out.</remarks>
internal static unsafe class Depthwise3x3
{
    /// <summary>Whether machine and convolution are such.</summary>
    public static bool Fits(ConvShape shape) => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && shape.Stride <= 2
        && (shape.KernelHeight, shape.KernelWidth, shape.Padding, shape.Dilation) == (3, 3, 1, 1);

    /// <summary>One plane.</summary>
    /// <param name="shape">All sizes, of a convolution that <see cref="Fits"/>.</param>
    /// <param name="x">[H, W].</param>
    /// <param name="weights">[3, 3].</param>
    /// <param name="finish">What is done to the sums.</param>
    /// <param name="channel">The plane's channel.</param>
    /// <param name="y">[H', W'].</param>
    public static void Plane(ConvShape shape, float* x, float* weights, in ConvFinish finish, int channel, float* y)
    {
        var (height, width, outHeight, outWidth) = (shape.Height, shape.Width, shape.OutHeight, shape.OutWidth);
        for (var column = 0; column < outWidth; column += Vector512<float>.Count)
            if (shape.Stride == 1)
                Columns(x, height, width, column, weights, finish, channel, y);
            else
                SecondColumns(x, height, width, column, weights, finish, channel, y, outHeight, outWidth);
    }

    /// <summary>A register of neighbouring columns, from the first row to the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Columns(float* x, int height, int width, int column, float* weights, in ConvFinish finish, int channel, float* y)
    {
        var lanes = finish.In<Simd512, Vector512<float>>();
        var bias = Vector512.Create(finish.Bias(channel));
        // Locals, and behind all calls: elsewhere they would stay in memory.
        Vector512<float> w0 = Vector512.Create(weights[0]), w1 = Vector512.Create(weights[1]), w2 = Vector512.Create(weights[2]);
        Vector512<float> w3 = Vector512.Create(weights[3]), w4 = Vector512.Create(weights[4]), w5 = Vector512.Create(weights[5]);
        Vector512<float> w6 = Vector512.Create(weights[6]), w7 = Vector512.Create(weights[7]), w8 = Vector512.Create(weights[8]);
        Vector512<float> inLeft = Inside(column - 1, width), inside = Inside(column, width), inRight = Inside(column + 1, width);
        x += column;
        y += column;
        Vector512<float> above = bias, here = bias;
        var size = (long)height * width;
        for (var row = 0; row < height; row++, x += width)
        {
            // The next plane's: columns of rows are no order that the processor would foresee.
            Prefetch.LaterLine(x + size);
            Vector512<float> left = Load(x - 1, inLeft), middle = Load(x, inside), right = Load(x + 1, inRight);
            if (row > 0)
            {
                Store(lanes, Add(above, left, middle, right, w6, w7, w8), y, inside);
                y += width;
            }
            above = Add(here, left, middle, right, w3, w4, w5);
            here = Add(bias, left, middle, right, w0, w1, w2);
        }
        Store(lanes, above, y, inside);
    }

    /// <summary>The same with a stride of 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SecondColumns(float* x, int height, int width, int column, float* weights, in ConvFinish finish, int channel,
        float* y, int outHeight, int outWidth)
    {
        var lanes = finish.In<Simd512, Vector512<float>>();
        var bias = Vector512.Create(finish.Bias(channel));
        Vector512<float> w0 = Vector512.Create(weights[0]), w1 = Vector512.Create(weights[1]), w2 = Vector512.Create(weights[2]);
        Vector512<float> w3 = Vector512.Create(weights[3]), w4 = Vector512.Create(weights[4]), w5 = Vector512.Create(weights[5]);
        Vector512<float> w6 = Vector512.Create(weights[6]), w7 = Vector512.Create(weights[7]), w8 = Vector512.Create(weights[8]);
        var first = 2 * column - 1;
        Vector512<float> in0 = Inside(first, width), in16 = Inside(first + 16, width);
        Vector512<float> in2 = Inside(first + 2, width), in18 = Inside(first + 18, width), inOutput = Inside(column, outWidth);
        x += first;
        y += column;
        var (sum, size) = (bias, (long)height * width);
        for (var row = 0; row < outHeight; row++, x += width, y += outWidth)
        {
            Prefetch.LaterLine(x + size);
            Prefetch.LaterLine(x + size + 16);
            Vector512<float> a = Load(x, in0), b = Load(x + 16, in16);
            sum = Add(sum, Simd512.Evens(a, b), Simd512.Odds(a, b), Simd512.Evens(Load(x + 2, in2), Load(x + 18, in18)), w3, w4, w5);
            x += width;
            if (2 * row + 1 == height)
            {
                Store(lanes, sum, y, inOutput);
                return;
            }
            Prefetch.LaterLine(x + size);
            Prefetch.LaterLine(x + size + 16);
            (a, b) = (Load(x, in0), Load(x + 16, in16));
            Vector512<float> left = Simd512.Evens(a, b), middle = Simd512.Odds(a, b);
            var right = Simd512.Evens(Load(x + 2, in2), Load(x + 18, in18));
            Store(lanes, Add(sum, left, middle, right, w6, w7, w8), y, inOutput);
            sum = Add(bias, left, middle, right, w0, w1, w2);
        }
    }

    /// <summary>The lanes, all bits set, of a register from a column on that are columns of a row.</summary>
    private static Vector512<float> Inside(int column, int width) =>
        Vector512.LessThan((Vector512<int>.Indices + Vector512.Create(column)).AsUInt32(), Vector512.Create((uint)width)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float* source, Vector512<float> inside) =>
        Avx512F.MaskLoad(source, inside, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        in ConvFinish.Lanes<Simd512, Vector512<float>> lanes, Vector512<float> sum, float* target, Vector512<float> inside)
    {
        if (lanes.Adds)
            sum += Load(lanes.AddendOf(target), inside);
        Avx512F.MaskStore(target, inside, lanes.Clamp(sum));
    }

    /// <summary>A row of the kernel added to a sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> sum, Vector512<float> left, Vector512<float> middle, Vector512<float> right,
        Vector512<float> w0, Vector512<float> w1, Vector512<float> w2) =>
        Vector512.FusedMultiplyAdd(w2, right, Vector512.FusedMultiplyAdd(w1, middle, Vector512.FusedMultiplyAdd(w0, left, sum)));
}
