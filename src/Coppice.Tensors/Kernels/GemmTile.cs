using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>A row count as a type argument, so that the JIT drops the rows a tile doesn't have and keeps the others in registers.</summary>
internal interface IRows
{
    static abstract int Count { get; }
}

/// <summary>The innermost kernel of GEMM: a tile of C, up to 14 rows by two vectors, held in registers while it runs along k.</summary>
internal static unsafe class GemmTile
{
    /// <summary>
    /// C[rows, 2 vectors] (+)= A·B (+ bias). A is interleaved [k][rows], B a panel [k][2 vectors].
    /// Each sum runs over k in order, so a result does not depend on the number of rows of its tile.
    /// </summary>
    public static void Run<TLanes, TVector>(int rows, int k, float* a, float* b, float* c, int ldc, bool accumulate, float* bias)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        switch (rows)
        {
            case 1: Run<TLanes, TVector, Rows1>(k, a, b, c, ldc, accumulate, bias); break;
            case 2: Run<TLanes, TVector, Rows2>(k, a, b, c, ldc, accumulate, bias); break;
            case 3: Run<TLanes, TVector, Rows3>(k, a, b, c, ldc, accumulate, bias); break;
            case 4: Run<TLanes, TVector, Rows4>(k, a, b, c, ldc, accumulate, bias); break;
            case 5: Run<TLanes, TVector, Rows5>(k, a, b, c, ldc, accumulate, bias); break;
            case 6: Run<TLanes, TVector, Rows6>(k, a, b, c, ldc, accumulate, bias); break;
            case 7: Run<TLanes, TVector, Rows7>(k, a, b, c, ldc, accumulate, bias); break;
            case 8: Run<TLanes, TVector, Rows8>(k, a, b, c, ldc, accumulate, bias); break;
            case 9: Run<TLanes, TVector, Rows9>(k, a, b, c, ldc, accumulate, bias); break;
            case 10: Run<TLanes, TVector, Rows10>(k, a, b, c, ldc, accumulate, bias); break;
            case 11: Run<TLanes, TVector, Rows11>(k, a, b, c, ldc, accumulate, bias); break;
            case 12: Run<TLanes, TVector, Rows12>(k, a, b, c, ldc, accumulate, bias); break;
            case 13: Run<TLanes, TVector, Rows13>(k, a, b, c, ldc, accumulate, bias); break;
            case 14: Run<TLanes, TVector, Rows14>(k, a, b, c, ldc, accumulate, bias); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 14 rows.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TLanes, TVector, TRows>(int k, float* a, float* b, float* c, nint ldc, bool accumulate, float* bias)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged where TRows : struct, IRows
    {
        TVector zero = TLanes.Broadcast(0);
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
            if (TRows.Count <= 4) // few rows are bound by reading B
                for (var line = 0; line < 2 * TLanes.Count; line += 16)
                    Prefetch.Line(b + line + Prefetch.Ahead);
            TVector left = TLanes.Load(b), right = TLanes.Load(b + TLanes.Count);
            MultiplyAdd<TLanes, TVector>(a[0], left, right, ref l0, ref r0);
            if (TRows.Count > 1) MultiplyAdd<TLanes, TVector>(a[1], left, right, ref l1, ref r1);
            if (TRows.Count > 2) MultiplyAdd<TLanes, TVector>(a[2], left, right, ref l2, ref r2);
            if (TRows.Count > 3) MultiplyAdd<TLanes, TVector>(a[3], left, right, ref l3, ref r3);
            if (TRows.Count > 4) MultiplyAdd<TLanes, TVector>(a[4], left, right, ref l4, ref r4);
            if (TRows.Count > 5) MultiplyAdd<TLanes, TVector>(a[5], left, right, ref l5, ref r5);
            if (TRows.Count > 6) MultiplyAdd<TLanes, TVector>(a[6], left, right, ref l6, ref r6);
            if (TRows.Count > 7) MultiplyAdd<TLanes, TVector>(a[7], left, right, ref l7, ref r7);
            if (TRows.Count > 8) MultiplyAdd<TLanes, TVector>(a[8], left, right, ref l8, ref r8);
            if (TRows.Count > 9) MultiplyAdd<TLanes, TVector>(a[9], left, right, ref l9, ref r9);
            if (TRows.Count > 10) MultiplyAdd<TLanes, TVector>(a[10], left, right, ref l10, ref r10);
            if (TRows.Count > 11) MultiplyAdd<TLanes, TVector>(a[11], left, right, ref l11, ref r11);
            if (TRows.Count > 12) MultiplyAdd<TLanes, TVector>(a[12], left, right, ref l12, ref r12);
            if (TRows.Count > 13) MultiplyAdd<TLanes, TVector>(a[13], left, right, ref l13, ref r13);
            a += TRows.Count;
            b += 2 * TLanes.Count;
        }
        var hasBias = bias != null;
        TVector biasLeft = hasBias ? TLanes.Load(bias) : zero, biasRight = hasBias ? TLanes.Load(bias + TLanes.Count) : zero;
        Put<TLanes, TVector>(c, TLanes.Add(l0, biasLeft), TLanes.Add(r0, biasRight), accumulate);
        if (TRows.Count > 1) Put<TLanes, TVector>(c + 1 * ldc, TLanes.Add(l1, biasLeft), TLanes.Add(r1, biasRight), accumulate);
        if (TRows.Count > 2) Put<TLanes, TVector>(c + 2 * ldc, TLanes.Add(l2, biasLeft), TLanes.Add(r2, biasRight), accumulate);
        if (TRows.Count > 3) Put<TLanes, TVector>(c + 3 * ldc, TLanes.Add(l3, biasLeft), TLanes.Add(r3, biasRight), accumulate);
        if (TRows.Count > 4) Put<TLanes, TVector>(c + 4 * ldc, TLanes.Add(l4, biasLeft), TLanes.Add(r4, biasRight), accumulate);
        if (TRows.Count > 5) Put<TLanes, TVector>(c + 5 * ldc, TLanes.Add(l5, biasLeft), TLanes.Add(r5, biasRight), accumulate);
        if (TRows.Count > 6) Put<TLanes, TVector>(c + 6 * ldc, TLanes.Add(l6, biasLeft), TLanes.Add(r6, biasRight), accumulate);
        if (TRows.Count > 7) Put<TLanes, TVector>(c + 7 * ldc, TLanes.Add(l7, biasLeft), TLanes.Add(r7, biasRight), accumulate);
        if (TRows.Count > 8) Put<TLanes, TVector>(c + 8 * ldc, TLanes.Add(l8, biasLeft), TLanes.Add(r8, biasRight), accumulate);
        if (TRows.Count > 9) Put<TLanes, TVector>(c + 9 * ldc, TLanes.Add(l9, biasLeft), TLanes.Add(r9, biasRight), accumulate);
        if (TRows.Count > 10) Put<TLanes, TVector>(c + 10 * ldc, TLanes.Add(l10, biasLeft), TLanes.Add(r10, biasRight), accumulate);
        if (TRows.Count > 11) Put<TLanes, TVector>(c + 11 * ldc, TLanes.Add(l11, biasLeft), TLanes.Add(r11, biasRight), accumulate);
        if (TRows.Count > 12) Put<TLanes, TVector>(c + 12 * ldc, TLanes.Add(l12, biasLeft), TLanes.Add(r12, biasRight), accumulate);
        if (TRows.Count > 13) Put<TLanes, TVector>(c + 13 * ldc, TLanes.Add(l13, biasLeft), TLanes.Add(r13, biasRight), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<TLanes, TVector>(float a, TVector left, TVector right, ref TVector sumLeft, ref TVector sumRight)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        var broadcast = TLanes.Broadcast(a);
        sumLeft = TLanes.MultiplyAdd(broadcast, left, sumLeft);
        sumRight = TLanes.MultiplyAdd(broadcast, right, sumRight);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TLanes, TVector>(float* c, TVector left, TVector right, bool accumulate)
        where TLanes : struct, ILanes<TVector> where TVector : unmanaged
    {
        if (accumulate)
        {
            left = TLanes.Add(left, TLanes.Load(c));
            right = TLanes.Add(right, TLanes.Load(c + TLanes.Count));
        }
        TLanes.Store(left, c);
        TLanes.Store(right, c + TLanes.Count);
    }

    private readonly struct Rows1 : IRows { public static int Count => 1; }
    private readonly struct Rows2 : IRows { public static int Count => 2; }
    private readonly struct Rows3 : IRows { public static int Count => 3; }
    private readonly struct Rows4 : IRows { public static int Count => 4; }
    private readonly struct Rows5 : IRows { public static int Count => 5; }
    private readonly struct Rows6 : IRows { public static int Count => 6; }
    private readonly struct Rows7 : IRows { public static int Count => 7; }
    private readonly struct Rows8 : IRows { public static int Count => 8; }
    private readonly struct Rows9 : IRows { public static int Count => 9; }
    private readonly struct Rows10 : IRows { public static int Count => 10; }
    private readonly struct Rows11 : IRows { public static int Count => 11; }
    private readonly struct Rows12 : IRows { public static int Count => 12; }
    private readonly struct Rows13 : IRows { public static int Count => 13; }
    private readonly struct Rows14 : IRows { public static int Count => 14; }
}
