using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Products of matrices that fit in the first-level cache, read where they lie: the inner step of attention.</summary>
internal static unsafe class SmallGemm
{
    /// <summary><c>c[i, j] (+)= sum over p of a[i, p] b[p, j]</c>, with tiles of 4 or 8 rows and 2 registers.</summary>
    /// <param name="m">Rows of a and c.</param>
    /// <param name="n">Columns of b and c: a multiple of two registers.</param>
    /// <param name="k">Terms in each sum.</param>
    /// <param name="a">Its element (i, p) is at <c>i * aRow + p * aColumn</c>.</param>
    /// <param name="aRow">Distance of a's rows.</param>
    /// <param name="aColumn">Distance of a's columns.</param>
    /// <param name="b">Rows of stride 1.</param>
    /// <param name="ldb">Distance of b's rows.</param>
    /// <param name="c">Rows of stride 1.</param>
    /// <param name="ldc">Distance of c's rows.</param>
    /// <param name="accumulate">Whether to add to c instead of overwriting it.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<S, V>(
        int m, int n, int k, float* a, long aRow, long aColumn, float* b, long ldb, float* c, long ldc, bool accumulate)
        where S : ISimd<V> where V : unmanaged
    {
        for (var j = 0; j < n; j += 2 * S.Count)
        {
            var i = 0;
            for (; S.Count == 16 && i <= m - 8; i += 8) // narrower machines have half the registers
                Tile8<S, V>(k, a + i * aRow, aRow, aColumn, b + j, ldb, c + i * ldc + j, ldc, accumulate);
            for (; i <= m - 4; i += 4)
                Tile4<S, V>(k, a + i * aRow, aRow, aColumn, b + j, ldb, c + i * ldc + j, ldc, accumulate);
            for (; i < m; i++)
                Tile1<S, V>(k, a + i * aRow, aColumn, b + j, ldb, c + i * ldc + j, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8<S, V>(
        int k, float* a, long aRow, long aColumn, float* b, long ldb, float* c, long ldc, bool accumulate)
        where S : ISimd<V> where V : unmanaged
    {
        V c00 = S.Create(0f), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        V c40 = c00, c41 = c00, c50 = c00, c51 = c00, c60 = c00, c61 = c00, c70 = c00, c71 = c00;
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow, a4 = a3 + aRow, a5 = a4 + aRow, a6 = a5 + aRow, a7 = a6 + aRow;
        for (long p = 0, at = 0; p < k; p++, at += aColumn, b += ldb)
        {
            V b0 = S.Load(b), b1 = S.Load(b + S.Count);
            MultiplyAdd<S, V>(a[at], b0, b1, ref c00, ref c01);
            MultiplyAdd<S, V>(a1[at], b0, b1, ref c10, ref c11);
            MultiplyAdd<S, V>(a2[at], b0, b1, ref c20, ref c21);
            MultiplyAdd<S, V>(a3[at], b0, b1, ref c30, ref c31);
            MultiplyAdd<S, V>(a4[at], b0, b1, ref c40, ref c41);
            MultiplyAdd<S, V>(a5[at], b0, b1, ref c50, ref c51);
            MultiplyAdd<S, V>(a6[at], b0, b1, ref c60, ref c61);
            MultiplyAdd<S, V>(a7[at], b0, b1, ref c70, ref c71);
        }
        Write<S, V>(c00, c01, c, accumulate);
        Write<S, V>(c10, c11, c += ldc, accumulate);
        Write<S, V>(c20, c21, c += ldc, accumulate);
        Write<S, V>(c30, c31, c += ldc, accumulate);
        Write<S, V>(c40, c41, c += ldc, accumulate);
        Write<S, V>(c50, c51, c += ldc, accumulate);
        Write<S, V>(c60, c61, c += ldc, accumulate);
        Write<S, V>(c70, c71, c + ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4<S, V>(
        int k, float* a, long aRow, long aColumn, float* b, long ldb, float* c, long ldc, bool accumulate)
        where S : ISimd<V> where V : unmanaged
    {
        V c00 = S.Create(0f), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        float* a1 = a + aRow, a2 = a1 + aRow, a3 = a2 + aRow;
        for (long p = 0, at = 0; p < k; p++, at += aColumn, b += ldb)
        {
            V b0 = S.Load(b), b1 = S.Load(b + S.Count);
            MultiplyAdd<S, V>(a[at], b0, b1, ref c00, ref c01);
            MultiplyAdd<S, V>(a1[at], b0, b1, ref c10, ref c11);
            MultiplyAdd<S, V>(a2[at], b0, b1, ref c20, ref c21);
            MultiplyAdd<S, V>(a3[at], b0, b1, ref c30, ref c31);
        }
        Write<S, V>(c00, c01, c, accumulate);
        Write<S, V>(c10, c11, c + ldc, accumulate);
        Write<S, V>(c20, c21, c + 2 * ldc, accumulate);
        Write<S, V>(c30, c31, c + 3 * ldc, accumulate);
    }

    // One row, its sum in four parts: even and odd terms, so that additions need not wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1<S, V>(int k, float* a, long aColumn, float* b, long ldb, float* c, bool accumulate)
        where S : ISimd<V> where V : unmanaged
    {
        V even0 = S.Create(0f), even1 = even0, odd0 = even0, odd1 = even0;
        var p = 0;
        for (; p <= k - 2; p += 2, b += 2 * ldb)
        {
            V x = S.Create(a[p * aColumn]), y = S.Create(a[(p + 1) * aColumn]);
            (even0, even1) = (S.MultiplyAdd(x, S.Load(b), even0), S.MultiplyAdd(x, S.Load(b + S.Count), even1));
            (odd0, odd1) = (S.MultiplyAdd(y, S.Load(b + ldb), odd0), S.MultiplyAdd(y, S.Load(b + ldb + S.Count), odd1));
        }
        if (p < k)
        {
            var x = S.Create(a[p * aColumn]);
            (even0, even1) = (S.MultiplyAdd(x, S.Load(b), even0), S.MultiplyAdd(x, S.Load(b + S.Count), even1));
        }
        Write<S, V>(S.Add(even0, odd0), S.Add(even1, odd1), c, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<S, V>(float a, V b0, V b1, ref V c0, ref V c1) where S : ISimd<V> where V : unmanaged
    {
        var x = S.Create(a);
        c0 = S.MultiplyAdd(x, b0, c0);
        c1 = S.MultiplyAdd(x, b1, c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<S, V>(V left, V right, float* c, bool accumulate) where S : ISimd<V> where V : unmanaged
    {
        if (accumulate)
            (left, right) = (S.Add(left, S.Load(c)), S.Add(right, S.Load(c + S.Count)));
        S.Store(left, c);
        S.Store(right, c + S.Count);
    }
}
