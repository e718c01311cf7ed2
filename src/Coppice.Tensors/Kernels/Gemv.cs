using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>One row times a matrix, c[n] (+)= x[k] · op(B)[k, n] (+ bias[n]), reading B where it lies, at the speed of memory.</summary>
internal static unsafe class Gemv
{
    /// <summary>Floats of B a chunk reads: some 25 microseconds.</summary>
    private const int ChunkFloats = 256 * 1024;

    /// <summary>B is [k, n], or [n, k] where <paramref name="transB"/>, with rows <paramref name="ldb"/> apart.</summary>
    public static void Multiply(int n, int k, float* x, float* b, int ldb, bool transB, float* c, bool accumulate, float* bias)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Lanes512, Vector512<float>>(new(n, k, x, b, ldb, c, accumulate, bias), transB);
        else if (Vector256.IsHardwareAccelerated)
            Run<Lanes256, Vector256<float>>(new(n, k, x, b, ldb, c, accumulate, bias), transB);
        else if (Vector128.IsHardwareAccelerated)
            Run<Lanes128, Vector128<float>>(new(n, k, x, b, ldb, c, accumulate, bias), transB);
        else
            Run<Lanes1, float>(new(n, k, x, b, ldb, c, accumulate, bias), transB);
    }

    private static void Run<TLanes, TVector>(in Call call, bool transB) where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        // Whole cache lines of c for each chunk.
        var perChunk = (int)Math.Min(call.N, (ChunkFloats / Math.Max(call.K, 1) + 15) / 16 * 16L);
        perChunk = Math.Max(perChunk, transB ? 16 : 512);
        var chunks = (int)(((long)call.N + perChunk - 1) / perChunk);
        if (transB)
            Workers.For(chunks, (call, perChunk), static (chunk, state) =>
                DotRows<TLanes, TVector>(state.call, chunk * state.perChunk, Math.Min((chunk + 1) * state.perChunk, state.call.N)));
        else
            Workers.For(chunks, (call, perChunk), static (chunk, state) =>
                AddRows<TLanes, TVector>(state.call, chunk * state.perChunk, Math.Min((chunk + 1) * state.perChunk, state.call.N)));
    }

    /// <summary>B[n, k]: each output is a dot product with a row; four rows at a time make four streams.</summary>
    private static void DotRows<TLanes, TVector>(in Call call, int start, int end)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        var sums = stackalloc float[4];
        for (var row = start; row < end; row += 4)
        {
            var rows = Math.Min(4, end - row);
            // Rows past the end repeat the last one, so that an output is the same whatever chunk it falls in.
            var b = call.B + (long)row * call.Ldb;
            long ldb = call.Ldb;
            Dot4<TLanes, TVector>(call.K, call.X, b, b + Math.Min(1, rows - 1) * ldb, b + Math.Min(2, rows - 1) * ldb, b + (rows - 1) * ldb, sums);
            for (var i = 0; i < rows; i++)
                call.C[row + i] = sums[i] + (call.Bias == null ? 0 : call.Bias[row + i]) + (call.Accumulate ? call.C[row + i] : 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot4<TLanes, TVector>(int k, float* x, float* b0, float* b1, float* b2, float* b3, float* sums)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        var zero = TLanes.Broadcast(0);
        TVector s0 = zero, s1 = zero, s2 = zero, s3 = zero, t0 = zero, t1 = zero, t2 = zero, t3 = zero;
        var i = 0;
        for (; i + 2 * TLanes.Count <= k; i += 2 * TLanes.Count)
        {
            TVector x0 = TLanes.Load(x + i), x1 = TLanes.Load(x + i + TLanes.Count);
            s0 = TLanes.MultiplyAdd(x0, TLanes.Load(b0 + i), s0);
            t0 = TLanes.MultiplyAdd(x1, TLanes.Load(b0 + i + TLanes.Count), t0);
            s1 = TLanes.MultiplyAdd(x0, TLanes.Load(b1 + i), s1);
            t1 = TLanes.MultiplyAdd(x1, TLanes.Load(b1 + i + TLanes.Count), t1);
            s2 = TLanes.MultiplyAdd(x0, TLanes.Load(b2 + i), s2);
            t2 = TLanes.MultiplyAdd(x1, TLanes.Load(b2 + i + TLanes.Count), t2);
            s3 = TLanes.MultiplyAdd(x0, TLanes.Load(b3 + i), s3);
            t3 = TLanes.MultiplyAdd(x1, TLanes.Load(b3 + i + TLanes.Count), t3);
        }
        sums[0] = TLanes.Sum(TLanes.Add(s0, t0));
        sums[1] = TLanes.Sum(TLanes.Add(s1, t1));
        sums[2] = TLanes.Sum(TLanes.Add(s2, t2));
        sums[3] = TLanes.Sum(TLanes.Add(s3, t3));
        for (; i < k; i++)
        {
            sums[0] += x[i] * b0[i];
            sums[1] += x[i] * b1[i];
            sums[2] += x[i] * b2[i];
            sums[3] += x[i] * b3[i];
        }
    }

    /// <summary>B[k, n]: c gathers x[k] times row k, four rows at a time.</summary>
    private static void AddRows<TLanes, TVector>(in Call call, int start, int end)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        var count = end - start;
        var c = call.C + start;
        if (!call.Accumulate)
            new Span<float>(c, count).Clear();
        if (call.Bias != null)
            for (var i = 0; i < count; i++)
                c[i] += call.Bias[start + i];
        var b = call.B + start;
        long ldb = call.Ldb;
        var row = 0;
        for (; row + 4 <= call.K; row += 4)
            Add4<TLanes, TVector>(count, call.X + row, b + row * ldb, b + (row + 1) * ldb, b + (row + 2) * ldb, b + (row + 3) * ldb, c);
        for (; row < call.K; row++)
            for (var i = 0; i < count; i++)
                c[i] += call.X[row] * b[row * ldb + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add4<TLanes, TVector>(int n, float* x, float* b0, float* b1, float* b2, float* b3, float* c)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        TVector x0 = TLanes.Broadcast(x[0]), x1 = TLanes.Broadcast(x[1]), x2 = TLanes.Broadcast(x[2]), x3 = TLanes.Broadcast(x[3]);
        var i = 0;
        for (; i + TLanes.Count <= n; i += TLanes.Count)
        {
            var sum = TLanes.MultiplyAdd(x0, TLanes.Load(b0 + i), TLanes.Load(c + i));
            sum = TLanes.MultiplyAdd(x1, TLanes.Load(b1 + i), sum);
            sum = TLanes.MultiplyAdd(x2, TLanes.Load(b2 + i), sum);
            TLanes.Store(TLanes.MultiplyAdd(x3, TLanes.Load(b3 + i), sum), c + i);
        }
        for (; i < n; i++)
            c[i] += x[0] * b0[i] + x[1] * b1[i] + x[2] * b2[i] + x[3] * b3[i];
    }

    private readonly struct Call(int n, int k, float* x, float* b, int ldb, float* c, bool accumulate, float* bias)
    {
        public readonly int N = n, K = k, Ldb = ldb;
        public readonly float* X = x, B = b, C = c, Bias = bias;
        public readonly bool Accumulate = accumulate;
    }
}
