namespace Coppice.Tensors.Kernels;

/// <summary>
/// The right-hand matrix B[K, N] of a product, rearranged once into panels of <see cref="Gemm.PanelWidth"/> columns, [N/width][K][width],
/// the last one filled up with zeros; a GEMM reads it front to back. Immutable; freed on disposal or by the garbage collector.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    private readonly NativeBuffer _buffer;

    /// <summary>Packs B[k, n], or B stored as [n, k] where <paramref name="transposed"/>, with rows <paramref name="ld"/> apart.</summary>
    public PackedMatrix(int k, int n, float* b, int ld, bool transposed)
    {
        (K, N) = (k, n);
        var panels = (int)(((long)n + Gemm.PanelWidth - 1) / Gemm.PanelWidth);
        _buffer = new NativeBuffer(checked((long)panels * k * Gemm.PanelWidth));
        var source = new Source(k, n, b, ld, transposed);
        Workers.For(panels, (source, (nint)Pointer), static (panel, state) =>
            state.source.PackPanel(panel, 0, state.source.K, (float*)state.Item2 + (long)panel * state.source.K * Gemm.PanelWidth));
    }

    /// <summary>Rows of B: the length of each sum.</summary>
    public int K { get; }

    /// <summary>Columns of B.</summary>
    public int N { get; }

    /// <summary>The panels, one after another.</summary>
    public float* Pointer => _buffer.Pointer;

    public void Dispose() => _buffer.Dispose();

    /// <summary>B as the caller stores it.</summary>
    internal readonly struct Source(int k, int n, float* b, int ld, bool transposed)
    {
        public int K => k;

        /// <summary>Rows a multiple of so many floats apart fall in few cache sets: fetching them ahead would push each other out.</summary>
        private const int RowsSharingSets = 1024;

        /// <summary>Writes rows k0..k0+count of one panel, [count][width], columns past N as zeros.</summary>
        public void PackPanel(int panel, int k0, int count, float* target)
        {
            var width = Gemm.PanelWidth;
            var column = panel * width;
            var columns = Math.Min(width, n - column);
            if (columns < width)
                new Span<float>(target, count * width).Clear();
            if (transposed)
                Panels.Transpose(b + (long)column * ld + k0, ld, columns, count, target, width);
            else
                Panels.Copy(b + (long)k0 * ld + column, ld, columns, count, target, width);
        }

        /// <summary>Brings one of <paramref name="steps"/> shares of rows k0..k1 of a panel into the cache, for it is packed soon.</summary>
        public void Fetch(int panel, int k0, int k1, int step, int steps)
        {
            if (!transposed && ld % RowsSharingSets == 0)
                return;
            var column = panel * Gemm.PanelWidth;
            var columns = Math.Min(Gemm.PanelWidth, n - column);
            var start = transposed ? b + (long)column * ld + k0 : b + (long)k0 * ld + column;
            var (rows, length) = transposed ? (columns, k1 - k0) : (k1 - k0, columns);
            for (var row = rows * step / steps; row < rows * (step + 1) / steps; row++)
                for (var at = 0; at < length; at += 16)
                    Prefetch.Line(start + (long)row * ld + at);
        }
    }
}
