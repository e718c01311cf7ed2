using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>
/// Dense matrix product in float32: C[m, n] (+)= op(A)[m, k] · op(B)[k, n] (+ bias[n]), row-major, any sizes and row distances.
/// </summary>
/// <remarks>
/// A is packed whole into interleaved row strips, B panel by panel into a buffer that stays in the L2 cache, and <see cref="GemmTile"/>
/// runs over both (after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008).
/// Each element is one sum over k in order, cut only at multiples that depend on k alone; so results are the same bytes on any number of
/// threads, packed ahead or not, and for any m; except that one row times an unpacked B stored [n, k] is summed in the order of
/// <see cref="Gemv"/>.
/// </remarks>
internal static unsafe class Gemm
{
    /// <summary>Longest run along k between two visits to C: longer costs misses of the L2 cache, shorter more passes over C.</summary>
    private const int MaxDepth = 1024;

    /// <summary>Most floats of A packed at a time (8 MB).</summary>
    private const long MaxPackedA = 2 << 20;

    /// <summary>Last tiles of a panel, during which the next one is fetched: no sooner, or A would push it out of the L2 cache.</summary>
    private const int FetchSteps = 8;

    /// <summary>Rows that share one packing of a B panel, at the least, where there are that many.</summary>
    private const int MinRowsPerChunk = 512;

    /// <summary>Longest rows of A that are read without packing: a tile's take half the first-level cache.</summary>
    private const int LongestRead = 512;

    /// <summary>Most columns of B for which A is read without packing.</summary>
    private const int WidestRead = 1024;

    /// <summary>Rows of A a multiple of so many floats apart fall in one cache set.</summary>
    private const int RowsSharingSets = 1024;

    [ThreadStatic]
    private static NativeBuffer? t_packedA;

    [ThreadStatic]
    private static NativeBuffer? t_panel;

    /// <summary>Columns of a panel of B on this machine: two vectors.</summary>
    public static int PanelWidth { get; } =
        Vector512.IsHardwareAccelerated ? 2 * Vector512<float>.Count
        : Vector256.IsHardwareAccelerated ? 2 * Vector256<float>.Count
        : 2 * Vector128<float>.Count;

    /// <summary>C (+)= op(A)·op(B) (+ bias); op(X) is X, or its transpose where stored so. <paramref name="bias"/> may be null.</summary>
    public static void Multiply(
        int m, int n, int k, float* a, int lda, bool transA, float* b, int ldb, bool transB, float* c, int ldc, bool accumulate, float* bias)
    {
        if (m == 1 && (!transA || lda == 1))
            Gemv.Multiply(n, k, a, b, ldb, transB, c, accumulate, bias);
        else
            Run(new Call(m, n, k, a, lda, transA, new(k, n, b, ldb, transB), null, c, ldc, accumulate, bias));
    }

    /// <summary>The same with B packed ahead.</summary>
    public static void Multiply(int m, float* a, int lda, bool transA, PackedMatrix b, float* c, int ldc, bool accumulate, float* bias)
    {
        Run(new Call(m, b.N, b.K, a, lda, transA, default, b.Pointer, c, ldc, accumulate, bias));
        GC.KeepAlive(b);
    }

    /// <summary>Runs along k, of nearly the same length, that a sum of <paramref name="k"/> products is cut into.</summary>
    public static int Passes(int k) => Math.Max(1, (int)(((long)k + MaxDepth - 1) / MaxDepth));

    /// <summary>First k of a run.</summary>
    public static int PassStart(int k, int pass) => (int)((long)k * pass / Passes(k));

    private static void Run(in Call call)
    {
        if (call.M == 0 || call.N == 0)
            return;
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(call);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(call);
        else
            Run<Simd128, Vector128<float>>(call);
    }

    private static void Run<TSimd, TVector>(Call call) where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        var tileRows = GemmTile.MaxRows<TSimd, TVector>();
        var rowsAtOnce = (int)Math.Clamp(MaxPackedA / Math.Max(call.K, 1), tileRows, call.M + tileRows);
        for (var row = 0; row < call.M; row += rowsAtOnce)
        {
            var block = call.Rows(row, Math.Min(rowsAtOnce, call.M - row));
            if (block.ReadsRows)
            {
                var plan = new Plan(block, tileRows, null);
                Workers.For(plan.Chunks, plan, static (chunk, plan) => MultiplyChunk<TSimd, TVector, RowByRow>(plan, chunk));
            }
            else
            {
                var plan = new Plan(block, tileRows, PackA(block, tileRows));
                Workers.For(plan.Chunks, plan, static (chunk, plan) => MultiplyChunk<TSimd, TVector, Interleaved>(plan, chunk));
            }
        }
    }

    /// <summary>A as row strips one after another, [strip][k][rows of the strip]; A itself where it lies so already.</summary>
    private static float* PackA(in Call call, int tileRows)
    {
        if (call.M == 1 && (!call.TransA || call.Lda == 1))
            return call.A;
        var packed = NativeBuffer.Grow(ref t_packedA, (long)call.M * call.K);
        var packing = new Packing(call, new(call.M, tileRows), packed);
        Workers.For(packing.Chunks, packing, static (chunk, packing) => packing.Run(chunk));
        return packed;
    }

    private static void MultiplyChunk<TSimd, TVector, TOrder>(in Plan plan, int chunk)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged where TOrder : struct, IOrder
    {
        var (strips, panels) = plan.RangesOf(chunk);
        var call = plan.Call;
        var passes = Passes(call.K);
        for (var panel = panels.Start; panel < panels.End; panel++)
            for (var pass = 0; pass < passes; pass++)
            {
                var part = new PanelPart(panel, PassStart(call.K, pass), PassStart(call.K, pass + 1));
                var next = pass + 1 < passes ? new PanelPart(panel, part.End, PassStart(call.K, pass + 2))
                    : panel + 1 < panels.End ? new(panel + 1, 0, PassStart(call.K, 1)) : default;
                MultiplyPanel<TSimd, TVector, TOrder>(plan, strips, part, next);
            }
    }

    /// <summary>One panel of B, one run along k, against all strips of the chunk.</summary>
    private static void MultiplyPanel<TSimd, TVector, TOrder>(in Plan plan, Range strips, PanelPart part, PanelPart next)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged where TOrder : struct, IOrder
    {
        ref readonly var call = ref plan.Call;
        var (panel, k0, depth) = (part.Panel, part.Start, part.End - part.Start);
        var width = 2 * TSimd.Count;
        var b = call.PackedB + ((long)panel * call.K + k0) * width;
        if (call.PackedB == null)
        {
            b = NativeBuffer.Grow(ref t_panel, (long)depth * width);
            call.B.PackPanel(panel, k0, depth, b);
        }
        var column = panel * width;
        var columns = Math.Min(width, call.N - column);
        var accumulate = call.Accumulate || k0 > 0;
        var bias = call.Bias == null || k0 > 0 ? null : call.Bias + column;
        var edge = stackalloc float[GemmTile.MaxRows<TSimd, TVector>() * width];
        for (var strip = strips.Start; strip < strips.End; strip++)
        {
            var row = plan.Strips.Start(strip);
            var rows = plan.Strips.Start(strip + 1) - row;
            var a = TOrder.Interleaved ? plan.PackedA + (long)row * call.K + (long)k0 * rows : call.A + (long)row * call.Lda + k0;
            var c = call.C + (long)row * call.Ldc + column;
            if (call.PackedB == null && strips.End - strip <= FetchSteps)
                call.B.Fetch(next.Panel, next.Start, next.End, strips.End - strip - 1, Math.Min(FetchSteps, strips.End - strips.Start));
            if (columns == width)
            {
                GemmTile.Run<TSimd, TVector, TOrder>(rows, depth, a, call.Lda, b, c, call.Ldc, accumulate, bias);
                continue;
            }
            GemmTile.Run<TSimd, TVector, TOrder>(rows, depth, a, call.Lda, b, edge, width, false, null);
            MergeEdge(edge, width, rows, columns, c, call.Ldc, accumulate, bias);
        }
    }

    private static void MergeEdge(float* edge, int width, int rows, int columns, float* c, int ldc, bool accumulate, float* bias)
    {
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
            {
                var at = (long)row * ldc + column;
                var sum = edge[row * width + column] + (bias == null ? 0 : bias[column]);
                c[at] = accumulate ? sum + c[at] : sum;
            }
    }

    /// <summary>What was asked for. <see cref="PackedB"/> is null where B comes unpacked.</summary>
    private readonly struct Call(int m, int n, int k, float* a, int lda, bool transA, PackedMatrix.Source b, float* packedB,
        float* c, int ldc, bool accumulate, float* bias)
    {
        public readonly int M = m, N = n, K = k, Lda = lda, Ldc = ldc;
        public readonly float* A = a, PackedB = packedB, C = c, Bias = bias;
        public readonly bool TransA = transA, Accumulate = accumulate;
        public readonly PackedMatrix.Source B = b;

        /// <summary>
        /// Whether A is read where it lies: packing would cost more than it gains where few columns share it, if a tile's rows stay in the
        /// first-level cache, which rows some powers of two apart do not.
        /// </summary>
        public bool ReadsRows => !TransA && K <= LongestRead && N <= WidestRead && Lda % RowsSharingSets != 0;

        /// <summary>The part of the product that is these rows of C.</summary>
        public Call Rows(int start, int count)
        {
            var (a, c) = (TransA ? start : (long)start * Lda, (long)start * Ldc);
            return new(count, N, K, A + a, Lda, TransA, B, PackedB, C + c, Ldc, Accumulate, Bias);
        }
    }

    private readonly record struct Range(int Start, int End);

    /// <summary>Rows Start..End of a panel of B.</summary>
    private readonly record struct PanelPart(int Panel, int Start, int End);

    /// <summary>Rows cut into strips of nearly the same height: 128 rows are 8 of 13 and 2 of 12, not 9 of 14 and one of 2.</summary>
    internal readonly struct Strips(int rows, int tileRows)
    {
        public readonly int Count = (rows + tileRows - 1) / tileRows;

        public int Start(int strip) => (int)((long)rows * strip / Count);
    }

    /// <summary>How A is packed: groups of strips times runs along k.</summary>
    private readonly struct Packing
    {
        /// <summary>Strips of a transposed A side by side, so that whole cache lines of its rows are used while they are there.</summary>
        private const int StripsAtOnce = 16;

        /// <summary>Rows of a transposed A that stay in the first-level cache while their strips are packed.</summary>
        private const int RowsAtOnce = 64;

        private readonly Call _call;
        private readonly Strips _strips;
        private readonly float* _packed;
        private readonly int _stripsPerChunk;
        private readonly int _depth;
        private readonly int _runs;

        public Packing(in Call call, Strips strips, float* packed)
        {
            _call = call;
            _strips = strips;
            _packed = packed;
            var cost = (double)Math.Max(call.K, 1) * call.M / Math.Max(strips.Count, 1) / 2;
            _stripsPerChunk = call.TransA ? StripsAtOnce : Plan.PerChunk(cost);
            _depth = call.TransA ? 4 * RowsAtOnce : Math.Max(call.K, 1);
            _runs = (call.K + _depth - 1) / _depth;
        }

        public int Chunks => _runs * ((_strips.Count + _stripsPerChunk - 1) / _stripsPerChunk);

        public void Run(int chunk)
        {
            var (group, run) = Math.DivRem(chunk, _runs);
            var strips = new Range(group * _stripsPerChunk, Math.Min((group + 1) * _stripsPerChunk, _strips.Count));
            var end = Math.Min((run + 1) * _depth, _call.K);
            var step = _call.TransA ? RowsAtOnce : _depth;
            for (var k = run * _depth; k < end; k += step)
                for (var strip = strips.Start; strip < strips.End; strip++)
                    Pack(strip, k, Math.Min(step, end - k));
        }

        private void Pack(int strip, int k, int count)
        {
            var (row, rows) = (_strips.Start(strip), _strips.Start(strip + 1) - _strips.Start(strip));
            var target = _packed + (long)row * _call.K + (long)k * rows;
            if (_call.TransA)
                Panels.Copy(_call.A + (long)k * _call.Lda + row, _call.Lda, rows, count, target, rows);
            else
                Panels.Transpose(_call.A + (long)row * _call.Lda, _call.Lda, rows, count, target, rows);
        }
    }

    /// <summary>How one product is cut into chunks: groups of strips times groups of panels.</summary>
    private readonly struct Plan
    {
        public readonly Call Call;
        public readonly Strips Strips;
        public readonly float* PackedA;
        public readonly int Chunks;
        private readonly int _panels;
        private readonly int _panelsPerChunk;
        private readonly int _stripsPerChunk;
        private readonly int _panelGroups;

        public Plan(in Call call, int tileRows, float* packedA)
        {
            Call = call;
            PackedA = packedA;
            Strips = new(call.M, tileRows);
            _panels = (int)(((long)call.N + PanelWidth - 1) / PanelWidth);
            // The price of a panel in units of a nanosecond or so: arithmetic, or for few rows the reading of B.
            var perRow = (double)call.K * PanelWidth / 100;
            var rowsPerChunk = Math.Max(MinRowsPerChunk, TargetCost / perRow);
            _stripsPerChunk = (int)Math.Min(Strips.Count, rowsPerChunk / tileRows + 1);
            _panelsPerChunk = PerChunk(perRow * Math.Max(10, Math.Min(call.M, rowsPerChunk)));
            _panelGroups = (_panels + _panelsPerChunk - 1) / _panelsPerChunk;
            Chunks = _panelGroups * ((Strips.Count + _stripsPerChunk - 1) / _stripsPerChunk);
        }

        /// <summary>Cost of a chunk: long against claiming one, short against the whole.</summary>
        private const double TargetCost = 6_000;

        public static int PerChunk(double cost) => (int)Math.Clamp(TargetCost / Math.Max(cost, 1), 1, int.MaxValue / 2);

        public (Range Strips, Range Panels) RangesOf(int chunk)
        {
            var (strip, panel) = (chunk / _panelGroups * _stripsPerChunk, chunk % _panelGroups * _panelsPerChunk);
            return (new(strip, Math.Min(strip + _stripsPerChunk, Strips.Count)), new(panel, Math.Min(panel + _panelsPerChunk, _panels)));
        }
    }
}
