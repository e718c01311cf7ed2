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
    /// <summary>How a window's gradient dy is passed on: <c>x</c> and <c>dx</c> are planes of <c>width</c> columns.</summary>
    private interface IKernel
    {
        static abstract void Invoke(float* x, float dy, float* dx, int width, PoolWindow row, PoolWindow column);
    }

    /// <summary>How the values of a window become one.</summary>
    private interface IFold
    {
        static abstract void Add(Span<float> folded, ReadOnlySpan<float> row);

        static abstract float Add(float folded, float value);

        static abstract float All(ReadOnlySpan<float> values);

        static abstract float Finish(float folded, int values);
    }

    /// <summary>Each window's largest value; NaN where it holds one.</summary>
    public void Max(float* x, float* y) => Fold<Maximum>(x, y);

    /// <summary>Each window's mean; padding counts as zeros.</summary>
    public void Average(float* x, float* y) => Fold<Mean>(x, y);

    private void Fold<TFold>(float* x, float* y) where TFold : struct, IFold
    {
        var (count, from, to, width) = (planes, rows.Size * columns.Size, rows.Windows * columns.Windows, columns.Size);
        var (down, right) = (rows.All(), columns.All());
        Workers.For(RowChunks.Count(count, from), chunk =>
        {
            var (first, end) = RowChunks.Range(count, from, chunk);
            var scratch = new float[width];
            for (var plane = first; plane < end; plane++)
                for (var row = 0; row < down.Length; row++)
                    FoldRow<TFold>(x + plane * from, down[row], right, scratch, y + plane * to + (long)row * right.Length);
        });
    }

    /// <summary>One row of windows: each column first, as registers can, then each window's columns; or one window of whole rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FoldRow<TFold>(float* x, PoolWindow row, PoolWindow[] windows, Span<float> scratch, float* y)
        where TFold : struct, IFold
    {
        var width = scratch.Length;
        if (windows is [{ Start: 0 } whole] && whole.End == width)
        {
            *y = TFold.Finish(TFold.All(new(x + (long)row.Start * width, (row.End - row.Start) * width)), row.Length * whole.Length);
            return;
        }
        new ReadOnlySpan<float>(x + (long)row.Start * width, width).CopyTo(scratch);
        for (var i = row.Start + 1; i < row.End; i++)
            TFold.Add(scratch, new ReadOnlySpan<float>(x + (long)i * width, width));
        foreach (var window in windows)
        {
            var folded = scratch[window.Start];
            for (var i = window.Start + 1; i < window.End; i++)
                folded = TFold.Add(folded, scratch[i]);
            *y++ = TFold.Finish(folded, row.Length * window.Length);
        }
    }

    /// <summary>Passes each window's gradient to its largest value, the first of equals.</summary>
    public void MaxGradient(float* x, float* dy, float* dx) => ForWindows<MaximumGradient>(x, dy, dx);

    /// <summary>Passes each window's gradient in equal shares to its values.</summary>
    public void AverageGradient(float* dy, float* dx) => ForWindows<MeanGradient>(dx, dy, dx);

    private void ForWindows<TKernel>(float* x, float* dy, float* dx) where TKernel : struct, IKernel
    {
        var (count, from, to, width) = (planes, rows.Size * columns.Size, rows.Windows * columns.Windows, columns.Size);
        var (down, right) = (rows.All(), columns.All());
        Workers.For(RowChunks.Count(count, from), chunk =>
        {
            var (first, end) = RowChunks.Range(count, from, chunk);
            for (var plane = first; plane < end; plane++)
                Plane<TKernel>(x + plane * from, dy + plane * to, dx + plane * from, from, width, down, right);
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Plane<TKernel>(float* x, float* dy, float* dx, int size, int width, PoolWindow[] rows, PoolWindow[] columns)
        where TKernel : struct, IKernel
    {
        new Span<float>(dx, size).Clear();
        foreach (var row in rows)
            foreach (var column in columns)
                TKernel.Invoke(x, *dy++, dx, width, row, column);
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

    private readonly struct Maximum : IFold
    {
        public static void Add(Span<float> folded, ReadOnlySpan<float> row) => TensorPrimitives.Max(folded, row, folded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float folded, float value) => MathF.Max(folded, value);

        public static float All(ReadOnlySpan<float> values) => TensorPrimitives.Max(values);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Finish(float folded, int values) => folded;
    }

    private readonly struct Mean : IFold
    {
        public static void Add(Span<float> folded, ReadOnlySpan<float> row) => TensorPrimitives.Add(folded, row, folded);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Add(float folded, float value) => folded + value;

        public static float All(ReadOnlySpan<float> values) => TensorPrimitives.Sum(values);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Finish(float folded, int values) => folded / values;
    }

    private readonly struct MaximumGradient : IKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Invoke(float* x, float dy, float* dx, int width, PoolWindow row, PoolWindow column) =>
            dx[Largest(x, width, row, column)] += dy;
    }

    private readonly struct MeanGradient : IKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Invoke(float* x, float dy, float* dx, int width, PoolWindow row, PoolWindow column)
        {
            var share = dy / ((float)row.Length * column.Length);
            for (var i = row.Start; i < row.End; i++)
                for (var j = column.Start; j < column.End; j++)
                    dx[i * width + j] += share;
        }
    }
}
