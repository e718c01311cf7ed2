using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>
/// Images as the convolution kernels read them: zero-padded, and with a stride s rows and columns sorted by their number modulo s, so that
/// neighbouring output pixels always read neighbouring floats, and output rows rows of the same distance.
/// Layout [image][channel][row phase][column phase][padded row / s][padded column / s].
/// </summary>
/// <remarks>With stride 1 a row's right padding is the next one's left padding, where the outputs of a row leave room for that.</remarks>
internal readonly unsafe struct ConvInput
{
    /// <summary>Floats that make a chunk worth claiming.</summary>
    private const int FillChunk = 1 << 13;

    private readonly ConvShape _shape;
    private readonly int _rowPhases;
    private readonly int _columnPhases;
    private readonly int _rows;
    private readonly int _rowLength;
    private readonly int _tail;

    public ConvInput(ConvShape shape)
    {
        _shape = shape;
        _rowPhases = Math.Min(shape.Stride, (shape.KernelHeight - 1) * shape.Dilation + 1);
        _columnPhases = Math.Min(shape.Stride, (shape.KernelWidth - 1) * shape.Dilation + 1);
        _rows = (shape.Height + 2 * shape.Padding + shape.Stride - 1) / shape.Stride;
        _tail = shape.Stride == 1 && shape.OutWidth <= shape.Width + shape.Padding ? shape.Padding : 0;
        _rowLength = (shape.Width + 2 * shape.Padding - _tail + shape.Stride - 1) / shape.Stride;
    }

    /// <summary>Floats of an image.</summary>
    public long ImageLength => PlaneLength * _shape.Channels;

    /// <summary>Floats of a channel.</summary>
    public long PlaneLength => _rowPhases * _columnPhases * PhaseLength + _tail;

    /// <summary>Floats from what an output row reads to what the next one does.</summary>
    public int RowStep => _rowLength;

    private long PhaseLength => (long)_rows * _rowLength;

    /// <summary>Where, from an output pixel's place, a tap of the kernel lies.</summary>
    public long Tap(int row, int column)
    {
        var (down, rowPhase) = Math.DivRem(row * _shape.Dilation, _shape.Stride);
        var (right, columnPhase) = Math.DivRem(column * _shape.Dilation, _shape.Stride);
        return (rowPhase * _columnPhases + columnPhase) * PhaseLength + (long)down * _rowLength + right;
    }

    /// <summary>Where each of an output channel's weights finds its input, in the weights' order.</summary>
    public long[] Taps()
    {
        var ofChannel = new long[_shape.KernelHeight * _shape.KernelWidth];
        for (var i = 0; i < ofChannel.Length; i++)
            ofChannel[i] = Tap(i / _shape.KernelWidth, i % _shape.KernelWidth);
        var taps = new long[_shape.Depth];
        var (at, plane, length) = (0, 0L, PlaneLength);
        for (var channel = 0; channel < _shape.GroupChannels; channel++, plane += length)
            foreach (var tap in ofChannel)
                taps[at++] = plane + tap;
        return taps;
    }

    /// <summary>Copies <paramref name="planes"/> channels in a row, of one image or several.</summary>
    public void Fill(float* x, int planes, float* target)
    {
        for (var plane = 0; plane < planes; plane++, x += (long)_shape.Height * _shape.Width)
        {
            for (var rowPhase = 0; rowPhase < _rowPhases; rowPhase++)
                for (var columnPhase = 0; columnPhase < _columnPhases; columnPhase++)
                {
                    var columns = ColumnsOf(columnPhase);
                    var row = rowPhase - _shape.Padding;
                    for (var i = 0; i < _rows; i++, row += _shape.Stride, target += _rowLength)
                        if ((uint)row >= (uint)_shape.Height)
                            new Span<float>(target, _rowLength).Clear();
                        else
                            FillRow(x + (long)row * _shape.Width, columns, target);
                }
            for (var i = 0; i < _tail; i++)
                *target++ = 0;
        }
    }

    /// <summary>Copies all images, on all threads.</summary>
    public void FillAll(float* x, float* target)
    {
        var planes = _shape.Batch * _shape.Channels;
        var perChunk = (int)Math.Clamp(FillChunk / PlaneLength, 1, planes);
        Workers.For((planes + perChunk - 1) / perChunk, (this, perChunk, planes, (nint)x, (nint)target), static (chunk, state) =>
        {
            var (input, perChunk, planes, x, target) = state;
            var first = chunk * perChunk;
            input.Fill((float*)x + first * ((long)input._shape.Height * input._shape.Width), Math.Min(perChunk, planes - first),
                (float*)target + first * input.PlaneLength);
        });
    }

    /// <summary>A phase's columns: entry i is column <c>i * stride + phase - padding</c>, from <c>First</c> on <c>Count</c> of them within
    /// the row, of which that of the first is <c>Column</c>.</summary>
    private Columns ColumnsOf(int phase)
    {
        var (stride, width) = (_shape.Stride, _shape.Width);
        var first = phase >= _shape.Padding ? 0 : (_shape.Padding - phase + stride - 1) / stride;
        var column = first * stride + phase - _shape.Padding;
        var count = column >= width ? 0 : Math.Min(_rowLength - first, (width - column + stride - 1) / stride);
        return new(first, column, count);
    }

    private void FillRow(float* x, Columns columns, float* target)
    {
        var (first, column, count) = columns;
        // Padding is a float or two: a loop costs less than a call.
        for (var i = 0; i < Math.Min(first, _rowLength); i++)
            target[i] = 0;
        if (_shape.Stride == 1)
            CopyRow(x + column, count, target + first);
        else
            Gather(x, column, _shape.Width, _shape.Stride, count, target + first);
        for (var i = Math.Max(0, first + count); i < _rowLength; i++)
            target[i] = 0;
    }

    /// <summary>Copies floats; rows are too short to be worth a call. The last register overlaps the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRow(float* source, int count, float* target)
    {
        if (count >= 8)
        {
            for (var i = 0; i < count - 8; i += 8)
                Vector256.Store(Vector256.Load(source + i), target + i);
            Vector256.Store(Vector256.Load(source + count - 8), target + count - 8);
        }
        else if (count >= 4)
        {
            Vector128.Store(Vector128.Load(source), target);
            Vector128.Store(Vector128.Load(source + count - 4), target + count - 4);
        }
        else
            for (var i = 0; i < count; i++)
                target[i] = source[i];
    }

    /// <summary>target[i] = x[column + i * stride], of a row of <paramref name="width"/> floats.</summary>
    private static void Gather(float* x, int column, int width, int stride, int count, float* target)
    {
        var i = 0;
        if (stride == 2)
        {
            // Registers that end with the last float taken, where one begins before the first; else one float behind it is read too.
            var (from, isOdd) = (column > 0 ? column - 1 : 0, column > 0);
            var length = isOdd ? count : Math.Min(count, width / 2);
            i = Vector512.IsHardwareAccelerated && length >= 16 ? Halve<Simd512, Vector512<float>>(x + from, isOdd, length, target)
                : Vector256.IsHardwareAccelerated && length >= 8 ? Halve<Simd256, Vector256<float>>(x + from, isOdd, length, target)
                : length >= 4 ? Halve<Simd128, Vector128<float>>(x + from, isOdd, length, target)
                : 0;
        }
        for (; i < count; i++)
            target[i] = x[column + (long)i * stride];
    }

    /// <summary>Every second float, of at least a register of them; returns how many. The last register overlaps the one before.</summary>
    private static int Halve<S, V>(float* x, bool isOdd, int length, float* target) where S : struct, ISimd<V> where V : unmanaged
    {
        for (var i = 0; i < length; i += S.Count)
        {
            var at = Math.Min(i, length - S.Count);
            V left = S.Load(x + 2 * at), right = S.Load(x + 2 * at + S.Count);
            S.Store(isOdd ? S.Odds(left, right) : S.Evens(left, right), target + at);
        }
        return length;
    }

    private readonly record struct Columns(int First, int Column, int Count);
}
