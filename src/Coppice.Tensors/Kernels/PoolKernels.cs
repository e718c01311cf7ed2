using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>The windows that pooling looks through along one axis.</summary>
internal readonly record struct PoolAxis
{
    private readonly int _kernel;
    private readonly int _stride;
    private readonly int _padding;

    private PoolAxis(int size, int windows, int kernel, int stride, int padding) =>
        (Size, Windows, _kernel, _stride, _padding) = (size, windows, kernel, stride, padding);

    /// <summary>Input positions.</summary>
    public int Size { get; }

    /// <summary>How many windows there are.</summary>
    public int Windows { get; }

    /// <summary>Windows of <paramref name="kernel"/> positions, each <paramref name="stride"/> after the one before, as far as they
    /// fit.</summary>
    public static PoolAxis Sliding(int size, int kernel, int stride, int padding) =>
        new(size, ConvShape.OutSize(size, kernel, stride, padding, 1), kernel, stride, padding);

    /// <summary>As many windows as asked for, window i from <c>floor(i size / windows)</c> up to <c>ceil((i + 1) size /
    /// windows)</c>.</summary>
    public static PoolAxis Adaptive(int size, int windows) => new(size, windows, 0, 0, 0);

    /// <summary>Every window.</summary>
    public PoolWindow[] All()
    {
        var all = new PoolWindow[Windows];
        for (var window = 0; window < all.Length; window++)
            all[window] = this[window];
        return all;
    }

    private PoolWindow this[int window]
    {
        get
        {
            if (_kernel == 0)
            {
                var (from, to) = ((int)((long)window * Size / Windows), (int)(((window + 1L) * Size + Windows - 1) / Windows));
                return new(from, to, to - from);
            }
            var start = window * _stride - _padding;
            return new(Math.Max(start, 0), Math.Min(start + _kernel, Size), _kernel);
        }
    }
}

/// <summary>A window along one axis.</summary>
/// <param name="Start">First position within the input.</param>
/// <param name="End">The position behind the last.</param>
/// <param name="Length">Positions, padding included.</param>
internal readonly record struct PoolWindow(int Start, int End, int Length);

/// <summary>Pooling of planes [rows, columns], and its gradients.</summary>
internal readonly unsafe struct PoolKernels(long planes, PoolAxis rows, PoolAxis columns)
{
    /// <summary>What is done with a window: <c>x</c> and <c>dx</c> are planes of <c>width</c> columns, <c>y</c> is the window's value
    /// or its gradient.</summary>
    private interface IKernel
    {
        static abstract void Invoke(float* x, float* y, float* dx, int width, PoolWindow row, PoolWindow column);
    }

    /// <summary>Each window's largest value; NaN where it holds one.</summary>
    public void Max(float* x, float* y)
    {
        var (count, from, to, width) = (planes, rows.Size * columns.Size, rows.Windows * columns.Windows, columns.Size);
        var (down, right) = (rows.All(), columns.All());
        Workers.For(RowChunks.Count(count, from), chunk =>
        {
            var (first, end) = RowChunks.Range(count, from, chunk);
            var tallest = new float[width];
            for (var plane = first; plane < end; plane++)
                for (var row = 0; row < down.Length; row++)
                    MaxOfRow(x + plane * from, down[row], right, tallest, y + plane * to + (long)row * right.Length);
        });
    }

    /// <summary>One row of windows: the largest of each column first, as registers can, then of each window's columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxOfRow(float* x, PoolWindow row, PoolWindow[] windows, Span<float> tallest, float* y)
    {
        var width = tallest.Length;
        new ReadOnlySpan<float>(x + (long)row.Start * width, width).CopyTo(tallest);
        for (var i = row.Start + 1; i < row.End; i++)
            TensorPrimitives.Max(tallest, new ReadOnlySpan<float>(x + (long)i * width, width), tallest);
        foreach (var window in windows)
        {
            var best = tallest[window.Start];
            for (var i = window.Start + 1; i < window.End; i++)
                best = MathF.Max(best, tallest[i]);
            *y++ = best;
        }
    }

    /// <summary>Passes each window's gradient to its largest value, the first of equals.</summary>
    public void MaxGradient(float* x, float* dy, float* dx) => ForWindows<MaximumGradient>(x, dy, dx);

    /// <summary>Each window's mean; padding counts as zeros.</summary>
    public void Average(float* x, float* y) => ForWindows<Mean>(x, y, null);

    /// <summary>Passes each window's gradient in equal shares to its values.</summary>
    public void AverageGradient(float* dy, float* dx) => ForWindows<MeanGradient>(dx, dy, dx);

    private void ForWindows<TKernel>(float* x, float* y, float* dx) where TKernel : struct, IKernel
    {
        var (count, from, to, width) = (planes, rows.Size * columns.Size, rows.Windows * columns.Windows, columns.Size);
        var (down, right) = (rows.All(), columns.All());
        Workers.For(RowChunks.Count(count, from), chunk =>
        {
            var (first, end) = RowChunks.Range(count, from, chunk);
            for (var plane = first; plane < end; plane++)
                Plane<TKernel>(x + plane * from, y + plane * to, dx == null ? null : dx + plane * from, from, width, down, right);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Plane<TKernel>(float* x, float* y, float* dx, int size, int width, PoolWindow[] rows, PoolWindow[] columns)
        where TKernel : struct, IKernel
    {
        if (dx != null)
            new Span<float>(dx, size).Clear();
        foreach (var row in rows)
            foreach (var column in columns)
                TKernel.Invoke(x, y++, dx, width, row, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Largest(float* x, int width, PoolWindow row, PoolWindow column)
    {
        var best = row.Start * width + column.Start;
        for (var i = row.Start; i < row.End; i++)
            for (var j = column.Start; j < column.End; j++)
            {
                var at = i * width + j;
                if (x[at] > x[best] || float.IsNaN(x[at]) && !float.IsNaN(x[best]))
                    best = at;
            }
        return best;
    }

    private readonly struct MaximumGradient : IKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Invoke(float* x, float* y, float* dx, int width, PoolWindow row, PoolWindow column) =>
            dx[Largest(x, width, row, column)] += *y;
    }

    private readonly struct Mean : IKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Invoke(float* x, float* y, float* dx, int width, PoolWindow row, PoolWindow column)
        {
            var sum = 0f;
            for (var i = row.Start; i < row.End; i++)
                for (var j = column.Start; j < column.End; j++)
                    sum += x[i * width + j];
            *y = sum / ((float)row.Length * column.Length);
        }
    }

    private readonly struct MeanGradient : IKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Invoke(float* x, float* y, float* dx, int width, PoolWindow row, PoolWindow column)
        {
            var share = *y / ((float)row.Length * column.Length);
            for (var i = row.Start; i < row.End; i++)
                for (var j = column.Start; j < column.End; j++)
                    dx[i * width + j] += share;
        }
    }
}
