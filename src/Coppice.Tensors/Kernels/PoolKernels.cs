using System.Numerics.Tensors;

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

    /// <summary>First position and end of a window within the input, and its length with padding.</summary>
    public (int Start, int End, int Length) this[int window]
    {
        get
        {
            if (_kernel == 0)
            {
                var (from, to) = ((int)((long)window * Size / Windows), (int)(((window + 1L) * Size + Windows - 1) / Windows));
                return (from, to, to - from);
            }
            var start = window * _stride - _padding;
            return (Math.Max(start, 0), Math.Min(start + _kernel, Size), _kernel);
        }
    }
}

/// <summary>Pooling of planes [rows, columns], and its gradients.</summary>
internal readonly unsafe struct PoolKernels(long planes, PoolAxis rows, PoolAxis columns)
{
    private int From => rows.Size * columns.Size;

    private int To => rows.Windows * columns.Windows;

    /// <summary>Each window's largest value; NaN where it holds one.</summary>
    public void Max(float* x, float* y) => ForPlanes(x, y, static (pool, x, y) => pool.ForWindows((at, row, column) =>
        y[at] = x[pool.Largest(x, row, column)]));

    /// <summary>Passes each window's gradient to its largest value, the first of equals.</summary>
    public void MaxGradient(float* x, float* dy, float* dx)
    {
        var (pool, size) = (this, (From, To));
        Workers.For(RowChunks.Count(planes, size.From), chunk =>
        {
            var (first, end) = RowChunks.Range(pool.Planes, size.From, chunk);
            for (var plane = first; plane < end; plane++)
            {
                float* from = x + plane * size.From, gradient = dy + plane * size.To, target = dx + plane * size.From;
                new Span<float>(target, size.From).Clear();
                pool.ForWindows((at, row, column) => target[pool.Largest(from, row, column)] += gradient[at]);
            }
        });
    }

    /// <summary>Each window's mean; padding counts as zeros.</summary>
    public void Average(float* x, float* y) => ForPlanes(x, y, static (pool, x, y) => pool.ForWindows((at, row, column) =>
    {
        var sum = 0f;
        for (var i = row.Start; i < row.End; i++)
            sum += TensorPrimitives.Sum(new ReadOnlySpan<float>(x + (long)i * pool.Columns.Size + column.Start, column.End - column.Start));
        y[at] = sum / ((float)row.Length * column.Length);
    }));

    /// <summary>Passes each window's gradient in equal shares to its values.</summary>
    public void AverageGradient(float* dy, float* dx) => ForPlanes(dx, dy, static (pool, dx, dy) =>
    {
        new Span<float>(dx, pool.From).Clear();
        pool.ForWindows((at, row, column) =>
        {
            var share = dy[at] / ((float)row.Length * column.Length);
            for (var i = row.Start; i < row.End; i++)
                for (var j = column.Start; j < column.End; j++)
                    dx[i * pool.Columns.Size + j] += share;
        });
    });

    private long Planes => planes;

    private PoolAxis Columns => columns;

    private delegate void PlaneAction(PoolKernels pool, float* input, float* output);

    private delegate void WindowAction(int at, (int Start, int End, int Length) row, (int Start, int End, int Length) column);

    private void ForPlanes(float* input, float* output, PlaneAction body)
    {
        var pool = this;
        Workers.For(RowChunks.Count(planes, From), chunk =>
        {
            var (first, end) = RowChunks.Range(pool.Planes, pool.From, chunk);
            for (var plane = first; plane < end; plane++)
                body(pool, input + plane * pool.From, output + plane * pool.To);
        });
    }

    private void ForWindows(WindowAction body)
    {
        for (var i = 0; i < rows.Windows; i++)
            for (var j = 0; j < columns.Windows; j++)
                body(i * columns.Windows + j, rows[i], columns[j]);
    }

    private int Largest(float* x, (int Start, int End, int Length) row, (int Start, int End, int Length) column)
    {
        var best = row.Start * columns.Size + column.Start;
        for (var i = row.Start; i < row.End; i++)
            for (var j = column.Start; j < column.End; j++)
            {
                var at = i * columns.Size + j;
                if (x[at] > x[best] || float.IsNaN(x[at]) && !float.IsNaN(x[best]))
                    best = at;
            }
        return best;
    }
}
