using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>One row times a matrix, c[n] (+)= x[k] · op(B)[k, n] (+ bias[n]), reading B where it lies, at the speed of memory.</summary>
internal static unsafe class Gemv
{
    /// <summary>Floats of B a chunk reads: some 25 microseconds.</summary>
    private const int ChunkFloats = 256 * 1024;

    /// <summary>Fewest outputs a chunk gathers where B is [k, n], so that its runs of B are long enough to stream.</summary>
    private const int MinColumns = 512;

    [ThreadStatic]
    private static NativeBuffer? t_sums;

    /// <summary>B is [k, n], or [n, k] where <paramref name="transB"/>, with rows <paramref name="ldb"/> apart.</summary>
    public static void Multiply(int n, int k, float* x, float* b, int ldb, bool transB, float* c, bool accumulate, float* bias)
    {
        var call = new Call(n, k, x, b, ldb, c, accumulate, bias);
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(call, transB);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(call, transB);
        else
            Run<Simd128, Vector128<float>>(call, transB);
    }

    private static void Run<TSimd, TVector>(in Call call, bool transB) where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        if (transB)
        {
            var rows = Math.Max(ChunkFloats / Math.Max(call.K, 1), 1);
            Workers.For(Chunks(call.N, rows), (call, rows), static (chunk, state) =>
                DotRows<TSimd, TVector>(state.call, chunk * state.rows, Math.Min((chunk + 1) * state.rows, state.call.N)));
            return;
        }
        // An output is the same whatever chunk gathers it: so the cut may depend on the threads, and one thread reads B straight through.
        var columns = Workers.ThreadCount == 1 ? call.N : Math.Max(call.N / (2 * Workers.ThreadCount), MinColumns);
        Workers.For(Chunks(call.N, columns), (call, columns), static (chunk, state) =>
            AddRows<TSimd, TVector>(state.call, chunk * state.columns, Math.Min((chunk + 1) * state.columns, state.call.N)));
    }

    private static int Chunks(int count, int perChunk) => (int)(((long)count + perChunk - 1) / Math.Max(perChunk, 1));

    /// <summary>B[n, k]: each output is a dot product with a row.</summary>
    private static void DotRows<TSimd, TVector>(in Call call, int start, int end)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        for (var row = start; row < end; row++)
            call.C[row] = Dot<TSimd, TVector>(call.K, call.X, call.B + (long)row * call.Ldb)
                + (call.Bias == null ? 0 : call.Bias[row]) + (call.Accumulate ? call.C[row] : 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot<TSimd, TVector>(int k, float* x, float* b) where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        var zero = TSimd.Create(0);
        TVector s0 = zero, s1 = zero, s2 = zero, s3 = zero;
        var i = 0;
        for (; i + 4 * TSimd.Count <= k; i += 4 * TSimd.Count)
        {
            for (var line = 0; line < 4 * TSimd.Count; line += 16)
                Prefetch.Line(b + i + line + Prefetch.Ahead);
            s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(b + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.Load(x + i + TSimd.Count), TSimd.Load(b + i + TSimd.Count), s1);
            s2 = TSimd.MultiplyAdd(TSimd.Load(x + i + 2 * TSimd.Count), TSimd.Load(b + i + 2 * TSimd.Count), s2);
            s3 = TSimd.MultiplyAdd(TSimd.Load(x + i + 3 * TSimd.Count), TSimd.Load(b + i + 3 * TSimd.Count), s3);
        }
        for (; i + TSimd.Count <= k; i += TSimd.Count)
            s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(b + i), s0);
        var sum = TSimd.Sum(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
        for (; i < k; i++)
            sum += x[i] * b[i];
        return sum;
    }

    /// <summary>B[k, n]: the sums gather x[k] times row k, in the order and the runs of <see cref="Gemm"/>, to the same bytes.</summary>
    private static void AddRows<TSimd, TVector>(in Call call, int start, int end)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        var count = end - start;
        var sums = NativeBuffer.Grow(ref t_sums, count);
        var passes = Gemm.Passes(call.K);
        for (var pass = 0; pass < passes; pass++)
        {
            new Span<float>(sums, count).Clear();
            var (k0, k1) = (Gemm.PassStart(call.K, pass), Gemm.PassStart(call.K, pass + 1));
            for (var k = k0; k < k1; k++)
                AddRow<TSimd, TVector>(count, call.X[k], call.B + (long)k * call.Ldb + start, call.Ldb, sums);
            for (var i = 0; i < count; i++)
            {
                var sum = sums[i] + (call.Bias == null || pass > 0 ? 0 : call.Bias[start + i]);
                call.C[start + i] = call.Accumulate || pass > 0 ? sum + call.C[start + i] : sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRow<TSimd, TVector>(int n, float x, float* b, nint ldb, float* sums)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        var factor = TSimd.Create(x);
        var i = 0;
        for (; i + 32 <= n; i += 32)
        {
            var ahead = i + Prefetch.Ahead;
            var next = ahead < n ? b + ahead : b + ldb + (ahead - n); // past the end of this row's part comes the next row's
            Prefetch.Line(next);
            Prefetch.Line(next + 16);
            for (var at = i; at < i + 32; at += TSimd.Count)
                TSimd.Store(TSimd.MultiplyAdd(factor, TSimd.Load(b + at), TSimd.Load(sums + at)), sums + at);
        }
        for (; i < n; i++)
            sums[i] = float.MultiplyAddEstimate(x, b[i], sums[i]);
    }

    private readonly struct Call(int n, int k, float* x, float* b, int ldb, float* c, bool accumulate, float* bias)
    {
        public readonly int N = n, K = k, Ldb = ldb;
        public readonly float* X = x, B = b, C = c, Bias = bias;
        public readonly bool Accumulate = accumulate;
    }
}
