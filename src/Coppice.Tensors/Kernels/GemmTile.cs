using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>How a tile finds its columns, as a type argument.</summary>
internal interface IColumns
{
    /// <summary>Whether four runs of half a vector lie apart from each other, or all columns side by side.</summary>
    static abstract bool AreApart { get; }
}

/// <summary>Where the four runs of half a vector that make up a tile's columns begin: in B for an offset of 0, and in C's first row.</summary>
internal readonly unsafe struct ApartColumns(float* b0, float* b1, float* b2, float* b3, float* c0, float* c1, float* c2, float* c3)
{
    public readonly float* B0 = b0, B1 = b1, B2 = b2, B3 = b3;
    public readonly float* C0 = c0, C1 = c1, C2 = c2, C3 = c3;

    /// <summary>The same columns so many floats further down in C.</summary>
    public ApartColumns Below(long distance) => new(B0, B1, B2, B3, C0 + distance, C1 + distance, C2 + distance, C3 + distance);
}

/// <summary>How A's rows lie in memory, as a type argument.</summary>
internal interface IOrder
{
    /// <summary>Entries of one k side by side, [k][rows of the tile]; else row by row.</summary>
    static abstract bool Interleaved { get; }
}

/// <summary>A packed.</summary>
internal readonly struct Interleaved : IOrder
{
    static bool IOrder.Interleaved => true;
}

/// <summary>A where it lies, row-major.</summary>
internal readonly struct RowByRow : IOrder
{
    static bool IOrder.Interleaved => false;
}

/// <summary>The innermost kernel of GEMM: a tile of C, up to 14 rows by two vectors, held in registers while it runs along k.</summary>
internal static unsafe class GemmTile
{
    /// <summary>Most rows whose sums fit the registers beside two vectors of B and one of A: 31 of 32 with AVX-512, 15 of 16 with AVX2.</summary>
    public static int MaxRows<TSimd, TVector>() where TSimd : struct, ISimd<TVector> where TVector : unmanaged => TSimd.Count == 16 ? 14 : 6;

    /// <summary>The same with A interleaved.</summary>
    public static void Run<TSimd, TVector>(int rows, int k, float* a, float* b, float* c, int ldc, bool accumulate, float* bias)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged =>
        Run<TSimd, TVector, Interleaved>(rows, k, a, 0, b, c, ldc, accumulate, bias);

    /// <summary>
    /// C[rows, 2 vectors] (+)= A·B (+ bias). A is in rows <paramref name="lda"/> apart, or interleaved [k][rows]; B a panel [k][2 vectors].
    /// Each sum runs over k in order, so a result does not depend on the number of rows of its tile.
    /// </summary>
    public static void Run<TSimd, TVector, TOrder>(
        int rows, int k, float* a, int lda, float* b, float* c, int ldc, bool accumulate, float* bias)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged where TOrder : struct, IOrder
    {
        var columns = new ApartColumns(b, null, null, null, c, null, null, null);
        Run<TSimd, TVector, TOrder, SideBySide>(rows, k, a, lda, columns, null, ldc, accumulate, bias);
    }

    /// <summary>The same, with row i of B found <c>offsets[i]</c> floats behind where the columns begin.</summary>
    public static void RunApart<TSimd, TVector>(
        int rows, int k, float* a, in ApartColumns columns, long* offsets, int ldc, bool accumulate)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged =>
        Run<TSimd, TVector, Interleaved, Apart>(rows, k, a, 0, columns, offsets, ldc, accumulate, null);

    private static void Run<TSimd, TVector, TOrder, TColumns>(
        int rows, int k, float* a, int lda, in ApartColumns columns, long* offsets, int ldc, bool accumulate, float* bias)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged where TOrder : struct, IOrder where TColumns : struct, IColumns
    {
        switch (rows)
        {
            case 1: Run<TSimd, TVector, TOrder, Rows1, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 2: Run<TSimd, TVector, TOrder, Rows2, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 3: Run<TSimd, TVector, TOrder, Rows3, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 4: Run<TSimd, TVector, TOrder, Rows4, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 5: Run<TSimd, TVector, TOrder, Rows5, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 6: Run<TSimd, TVector, TOrder, Rows6, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 7: Run<TSimd, TVector, TOrder, Rows7, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 8: Run<TSimd, TVector, TOrder, Rows8, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 9: Run<TSimd, TVector, TOrder, Rows9, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 10: Run<TSimd, TVector, TOrder, Rows10, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 11: Run<TSimd, TVector, TOrder, Rows11, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 12: Run<TSimd, TVector, TOrder, Rows12, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 13: Run<TSimd, TVector, TOrder, Rows13, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            case 14: Run<TSimd, TVector, TOrder, Rows14, TColumns>(k, a, lda, columns, offsets, ldc, accumulate, bias); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 14 rows.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TSimd, TVector, TOrder, TRows, TColumns>(
        int k, float* a, nint lda, in ApartColumns columns, long* offsets, nint ldc, bool accumulate, float* bias)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged
        where TOrder : struct, IOrder where TRows : struct, IRows where TColumns : struct, IColumns
    {
        float* b = columns.B0, b1 = columns.B1, b2 = columns.B2, b3 = columns.B3;
        // Rows are addressed from every third, as base + 0, 1 or 2 distances: one address each would not fit the registers.
        float* a3 = a + 3 * lda, a6 = a3 + 3 * lda, a9 = a6 + 3 * lda, a12 = a9 + 3 * lda;
        var lda2 = 2 * lda;
        TVector zero = TSimd.Create(0);
        TVector l0 = zero, r0 = zero;
        TVector l1 = zero, r1 = zero;
        TVector l2 = zero, r2 = zero;
        TVector l3 = zero, r3 = zero;
        TVector l4 = zero, r4 = zero;
        TVector l5 = zero, r5 = zero;
        TVector l6 = zero, r6 = zero;
        TVector l7 = zero, r7 = zero;
        TVector l8 = zero, r8 = zero;
        TVector l9 = zero, r9 = zero;
        TVector l10 = zero, r10 = zero;
        TVector l11 = zero, r11 = zero;
        TVector l12 = zero, r12 = zero;
        TVector l13 = zero, r13 = zero;
        for (; k > 0; k--)
        {
            TVector left, right;
            if (!TColumns.AreApart && TRows.Count <= 4) // few rows are bound by reading B
                for (var line = 0; line < 2 * TSimd.Count; line += 16)
                    Prefetch.Line(b + line + Prefetch.Ahead);
            if (TColumns.AreApart)
            {
                var at = *offsets++;
                (left, right) = (TSimd.LoadHalves(b + at, b1 + at), TSimd.LoadHalves(b2 + at, b3 + at));
            }
            else
            {
                (left, right) = (TSimd.Load(b), TSimd.Load(b + TSimd.Count));
                b += 2 * TSimd.Count;
            }
            MultiplyAdd<TSimd, TVector>(a[0], left, right, ref l0, ref r0);
            if (TRows.Count > 1) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[1] : a[lda], left, right, ref l1, ref r1);
            if (TRows.Count > 2) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[2] : a[lda2], left, right, ref l2, ref r2);
            if (TRows.Count > 3) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[3] : a3[0], left, right, ref l3, ref r3);
            if (TRows.Count > 4) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[4] : a3[lda], left, right, ref l4, ref r4);
            if (TRows.Count > 5) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[5] : a3[lda2], left, right, ref l5, ref r5);
            if (TRows.Count > 6) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[6] : a6[0], left, right, ref l6, ref r6);
            if (TRows.Count > 7) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[7] : a6[lda], left, right, ref l7, ref r7);
            if (TRows.Count > 8) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[8] : a6[lda2], left, right, ref l8, ref r8);
            if (TRows.Count > 9) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[9] : a9[0], left, right, ref l9, ref r9);
            if (TRows.Count > 10) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[10] : a9[lda], left, right, ref l10, ref r10);
            if (TRows.Count > 11) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[11] : a9[lda2], left, right, ref l11, ref r11);
            if (TRows.Count > 12) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[12] : a12[0], left, right, ref l12, ref r12);
            if (TRows.Count > 13) MultiplyAdd<TSimd, TVector>(TOrder.Interleaved ? a[13] : a12[lda], left, right, ref l13, ref r13);
            a += TOrder.Interleaved ? TRows.Count : 1;
            if (!TOrder.Interleaved)
            {
                a3++;
                a6++;
                a9++;
                a12++;
            }
        }
        var hasBias = bias != null;
        TVector biasLeft = hasBias ? TSimd.Load(bias) : zero, biasRight = hasBias ? TSimd.Load(bias + TSimd.Count) : zero;
        Put<TSimd, TVector, TColumns>(columns, 0, TSimd.Add(l0, biasLeft), TSimd.Add(r0, biasRight), accumulate);
        if (TRows.Count > 1) Put<TSimd, TVector, TColumns>(columns, 1 * ldc, TSimd.Add(l1, biasLeft), TSimd.Add(r1, biasRight), accumulate);
        if (TRows.Count > 2) Put<TSimd, TVector, TColumns>(columns, 2 * ldc, TSimd.Add(l2, biasLeft), TSimd.Add(r2, biasRight), accumulate);
        if (TRows.Count > 3) Put<TSimd, TVector, TColumns>(columns, 3 * ldc, TSimd.Add(l3, biasLeft), TSimd.Add(r3, biasRight), accumulate);
        if (TRows.Count > 4) Put<TSimd, TVector, TColumns>(columns, 4 * ldc, TSimd.Add(l4, biasLeft), TSimd.Add(r4, biasRight), accumulate);
        if (TRows.Count > 5) Put<TSimd, TVector, TColumns>(columns, 5 * ldc, TSimd.Add(l5, biasLeft), TSimd.Add(r5, biasRight), accumulate);
        if (TRows.Count > 6) Put<TSimd, TVector, TColumns>(columns, 6 * ldc, TSimd.Add(l6, biasLeft), TSimd.Add(r6, biasRight), accumulate);
        if (TRows.Count > 7) Put<TSimd, TVector, TColumns>(columns, 7 * ldc, TSimd.Add(l7, biasLeft), TSimd.Add(r7, biasRight), accumulate);
        if (TRows.Count > 8) Put<TSimd, TVector, TColumns>(columns, 8 * ldc, TSimd.Add(l8, biasLeft), TSimd.Add(r8, biasRight), accumulate);
        if (TRows.Count > 9) Put<TSimd, TVector, TColumns>(columns, 9 * ldc, TSimd.Add(l9, biasLeft), TSimd.Add(r9, biasRight), accumulate);
        if (TRows.Count > 10) Put<TSimd, TVector, TColumns>(columns, 10 * ldc, TSimd.Add(l10, biasLeft), TSimd.Add(r10, biasRight), accumulate);
        if (TRows.Count > 11) Put<TSimd, TVector, TColumns>(columns, 11 * ldc, TSimd.Add(l11, biasLeft), TSimd.Add(r11, biasRight), accumulate);
        if (TRows.Count > 12) Put<TSimd, TVector, TColumns>(columns, 12 * ldc, TSimd.Add(l12, biasLeft), TSimd.Add(r12, biasRight), accumulate);
        if (TRows.Count > 13) Put<TSimd, TVector, TColumns>(columns, 13 * ldc, TSimd.Add(l13, biasLeft), TSimd.Add(r13, biasRight), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<TSimd, TVector>(float a, TVector left, TVector right, ref TVector sumLeft, ref TVector sumRight)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged
    {
        var broadcast = TSimd.Create(a);
        sumLeft = TSimd.MultiplyAdd(broadcast, left, sumLeft);
        sumRight = TSimd.MultiplyAdd(broadcast, right, sumRight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TSimd, TVector, TColumns>(in ApartColumns columns, nint row, TVector left, TVector right, bool accumulate)
        where TSimd : struct, ISimd<TVector> where TVector : unmanaged where TColumns : struct, IColumns
    {
        float* c0 = columns.C0 + row, c1 = columns.C1 + row, c2 = columns.C2 + row, c3 = columns.C3 + row;
        if (accumulate)
        {
            left = TSimd.Add(left, TColumns.AreApart ? TSimd.LoadHalves(c0, c1) : TSimd.Load(c0));
            right = TSimd.Add(right, TColumns.AreApart ? TSimd.LoadHalves(c2, c3) : TSimd.Load(c0 + TSimd.Count));
        }
        if (TColumns.AreApart)
        {
            TSimd.StoreHalves(left, c0, c1);
            TSimd.StoreHalves(right, c2, c3);
        }
        else
        {
            TSimd.Store(left, c0);
            TSimd.Store(right, c0 + TSimd.Count);
        }
    }

    private readonly struct SideBySide : IColumns { public static bool AreApart => false; }

    private readonly struct Apart : IColumns { public static bool AreApart => true; }
}
