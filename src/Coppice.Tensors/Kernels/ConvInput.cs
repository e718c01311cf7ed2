using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Tensors.Kernels;

/// <summary>
/// Images as the convolution kernels read them: zero-padded, and with a stride s the columns sorted by their number modulo s, so that
/// neighbouring output pixels always read neighbouring floats. Layout [image][channel][phase][padded row][padded column / s].
/// </summary>
internal readonly unsafe struct ConvInput
{
    private readonly ConvShape _shape;
    private readonly int _phases;
    private readonly int _rowLength;
    private readonly long _plane;

    public ConvInput(ConvShape shape)
    {
        _shape = shape;
        _phases = Math.Min(shape.Stride, (shape.KernelWidth - 1) * shape.Dilation + 1);
        _rowLength = (shape.Width + 2 * shape.Padding + shape.Stride - 1) / shape.Stride;
        _plane = (long)_phases * (shape.Height + 2 * shape.Padding) * _rowLength;
    }

    /// <summary>Floats of an image.</summary>
    public long ImageLength => _plane * _shape.Channels;

    /// <summary>Floats of a channel.</summary>
    public long PlaneLength => _plane;

    /// <summary>Floats from what an output row reads to what the next one does.</summary>
    public int RowStep => _shape.Stride * _rowLength;

    /// <summary>Where, from an output pixel's place, a tap of the kernel lies.</summary>
    public long Tap(int row, int column)
    {
        var at = column * _shape.Dilation;
        var phase = (long)(at % _shape.Stride) * (_shape.Height + 2 * _shape.Padding) * _rowLength;
        return phase + (long)row * _shape.Dilation * _rowLength + at / _shape.Stride;
    }

    /// <summary>Where each of an output channel's weights finds its input, in the weights' order.</summary>
    public long[] Taps()
    {
        var taps = new long[_shape.Depth];
        var at = 0;
        for (var channel = 0; channel < _shape.GroupChannels; channel++)
            for (var row = 0; row < _shape.KernelHeight; row++)
                for (var column = 0; column < _shape.KernelWidth; column++)
                    taps[at++] = channel * _plane + Tap(row, column);
        return taps;
    }

    /// <summary>Copies <paramref name="planes"/> channels in a row, of one image or several.</summary>
    public void Fill(float* x, int planes, float* target)
    {
        for (var plane = 0; plane < planes; plane++, x += (long)_shape.Height * _shape.Width)
            for (var phase = 0; phase < _phases; phase++)
                for (var row = -_shape.Padding; row < _shape.Height + _shape.Padding; row++, target += _rowLength)
                    if ((uint)row >= (uint)_shape.Height)
                        new Span<float>(target, _rowLength).Clear();
                    else
                        FillRow(x + (long)row * _shape.Width, phase, target);
    }

    private void FillRow(float* x, int phase, float* target)
    {
        var (stride, width) = (_shape.Stride, _shape.Width);
        // Entry i is column i * stride + phase - padding.
        var first = phase >= _shape.Padding ? 0 : (_shape.Padding - phase + stride - 1) / stride;
        var column = first * stride + phase - _shape.Padding;
        var count = column >= width ? 0 : Math.Min(_rowLength - first, (width - column + stride - 1) / stride);
        // Padding is a float or two: a loop costs less than a call.
        for (var i = 0; i < Math.Min(first, _rowLength); i++)
            target[i] = 0;
        if (stride == 1)
            new ReadOnlySpan<float>(x + column, count).CopyTo(new Span<float>(target + first, count));
        else
            Gather(x + column, stride, count, target + first);
        for (var i = Math.Max(0, first + count); i < _rowLength; i++)
            target[i] = 0;
    }

    /// <summary>target[i] = x[i * stride].</summary>
    private static void Gather(float* x, int stride, int count, float* target)
    {
        var i = 0;
        if (stride == 2 && Sse.IsSupported)
            for (; i < count - 4; i += 4) // reads one float behind the last it takes: not for the last four
                Sse.Shuffle(Vector128.Load(x + 2 * i), Vector128.Load(x + 2 * i + 4), 0b10_00_10_00).Store(target + i);
        for (; i < count; i++)
            target[i] = x[(long)i * stride];
    }
}
