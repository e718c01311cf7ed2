using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Left sides of <see cref="CorrelationTile"/>: rows of a multiple of the register width.</summary>
/// <param name="start">The first row of the first image.</param>
/// <param name="rowStep">Floats from row to row.</param>
/// <param name="imageStep">Floats from image to image.</param>
/// <param name="length">Floats of a row.</param>
internal readonly unsafe struct CorrelationRows(float* start, long rowStep, long imageStep, int length)
{
    public readonly float* Start = start;
    public readonly long RowStep = rowStep, ImageStep = imageStep;
    public readonly int Length = length;
}

/// <summary>Right sides: at each of some distances from a start, as many floats as a row of the left has.</summary>
/// <param name="start">Where the distances count from, in the first image.</param>
/// <param name="imageStep">Floats from image to image.</param>
/// <param name="taps">The distances.</param>
/// <param name="count">How many there are, up to <see cref="CorrelationTile.Columns"/>.</param>
internal readonly unsafe struct CorrelationColumns(float* start, long imageStep, long* taps, int count)
{
    public readonly float* Start = start;
    public readonly long ImageStep = imageStep;
    public readonly long* Taps = taps;
    public readonly int Count = count;
}

/// <summary>Products of up to 4 rows with 6 others, all summed over some images in registers at once.</summary>
internal static unsafe class CorrelationTile
{
    /// <summary>Right sides that a tile takes.</summary>
    public const int Columns = 6;

    /// <summary>Most rows whose sums fit the registers beside the rows and one column: 29 of 32 with AVX-512, 15 of 16 with AVX2.</summary>
    public static int MaxRows<S, V>() where S : struct, ISimd<V> where V : unmanaged => S.Count == 16 ? 4 : 2;

    /// <summary>sums[r * distance + c] += the product of row r and column c, over all images.</summary>
    public static void Run<S, V>(int rows, in CorrelationRows left, in CorrelationColumns right, int images, float* sums, int distance)
        where S : struct, ISimd<V> where V : unmanaged
    {
        switch (rows)
        {
            case 1: Run<S, V, Rows1>(left, right, images, sums, distance); break;
            case 2: Run<S, V, Rows2>(left, right, images, sums, distance); break;
            case 3: Run<S, V, Rows3>(left, right, images, sums, distance); break;
            case 4: Run<S, V, Rows4>(left, right, images, sums, distance); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 4 rows.");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<S, V, TRows>(in CorrelationRows left, in CorrelationColumns right, int images, float* sums, int distance)
        where S : struct, ISimd<V> where V : unmanaged where TRows : struct, IRows
    {
        V zero = S.Create(0);
        V a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
        V b0 = zero, b1 = zero, b2 = zero, b3 = zero, b4 = zero, b5 = zero;
        V c0 = zero, c1 = zero, c2 = zero, c3 = zero, c4 = zero, c5 = zero;
        V d0 = zero, d1 = zero, d2 = zero, d3 = zero, d4 = zero, d5 = zero;
        var taps = right.Taps;
        var (last, length) = (right.Count - 1, left.Length);
        for (var image = 0; image < images; image++)
        {
            var x = right.Start + image * right.ImageStep;
            // Columns there are none of repeat the last; their sums are not written.
            float* x0 = x + taps[0], x1 = x + taps[Math.Min(1, last)], x2 = x + taps[Math.Min(2, last)];
            float* x3 = x + taps[Math.Min(3, last)], x4 = x + taps[Math.Min(4, last)], x5 = x + taps[Math.Min(5, last)];
            float* rowA = left.Start + image * left.ImageStep, rowB = rowA + left.RowStep, rowC = rowB + left.RowStep;
            var rowD = rowC + left.RowStep;
            for (nint i = 0; i < length; i += S.Count)
            {
                var a = S.Load(rowA + i);
                var b = TRows.Count > 1 ? S.Load(rowB + i) : zero;
                var c = TRows.Count > 2 ? S.Load(rowC + i) : zero;
                var d = TRows.Count > 3 ? S.Load(rowD + i) : zero;
                MultiplyAdd<S, V, TRows>(S.Load(x0 + i), a, b, c, d, ref a0, ref b0, ref c0, ref d0);
                MultiplyAdd<S, V, TRows>(S.Load(x1 + i), a, b, c, d, ref a1, ref b1, ref c1, ref d1);
                MultiplyAdd<S, V, TRows>(S.Load(x2 + i), a, b, c, d, ref a2, ref b2, ref c2, ref d2);
                MultiplyAdd<S, V, TRows>(S.Load(x3 + i), a, b, c, d, ref a3, ref b3, ref c3, ref d3);
                MultiplyAdd<S, V, TRows>(S.Load(x4 + i), a, b, c, d, ref a4, ref b4, ref c4, ref d4);
                MultiplyAdd<S, V, TRows>(S.Load(x5 + i), a, b, c, d, ref a5, ref b5, ref c5, ref d5);
            }
        }
        if (right.Count == Columns)
        {
            Add<S, V>(sums, a0, a1, a2, a3);
            if (TRows.Count > 1) Add<S, V>(sums + distance, b0, b1, b2, b3);
            if (TRows.Count > 2) Add<S, V>(sums + 2L * distance, c0, c1, c2, c3);
            if (TRows.Count > 3) Add<S, V>(sums + 3L * distance, d0, d1, d2, d3);
            AddPairs<S, V>(sums + 4, distance, Math.Min(2, TRows.Count), a4, a5, b4, b5);
            if (TRows.Count > 2) AddPairs<S, V>(sums + 2L * distance + 4, distance, TRows.Count - 2, c4, c5, d4, d5);
            return;
        }
        AddSome<S, V>(sums, right.Count, a0, a1, a2, a3, a4);
        if (TRows.Count > 1) AddSome<S, V>(sums + distance, right.Count, b0, b1, b2, b3, b4);
        if (TRows.Count > 2) AddSome<S, V>(sums + 2L * distance, right.Count, c0, c1, c2, c3, c4);
        if (TRows.Count > 3) AddSome<S, V>(sums + 3L * distance, right.Count, d0, d1, d2, d3, d4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyAdd<S, V, TRows>(V x, V a, V b, V c, V d, ref V sumA, ref V sumB, ref V sumC, ref V sumD)
        where S : struct, ISimd<V> where V : unmanaged where TRows : struct, IRows
    {
        sumA = S.MultiplyAdd(x, a, sumA);
        if (TRows.Count > 1) sumB = S.MultiplyAdd(x, b, sumB);
        if (TRows.Count > 2) sumC = S.MultiplyAdd(x, c, sumC);
        if (TRows.Count > 3) sumD = S.MultiplyAdd(x, d, sumD);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<S, V>(float* sums, V s0, V s1, V s2, V s3) where S : struct, ISimd<V> where V : unmanaged =>
        (Vector128.Load(sums) + S.Sums(s0, s1, s2, s3)).Store(sums);

    /// <summary>Adds two sums of a row, and two of the next where there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPairs<S, V>(float* sums, int distance, int rows, V s0, V s1, V next0, V next1)
        where S : struct, ISimd<V> where V : unmanaged
    {
        var pairs = S.Sums(s0, s1, next0, next1);
        (Vector64.Load(sums) + pairs.GetLower()).Store(sums);
        if (rows > 1)
            (Vector64.Load(sums + distance) + pairs.GetUpper()).Store(sums + distance);
    }

    /// <summary>Adds the first sums of a row, five at the most.</summary>
    private static void AddSome<S, V>(float* sums, int count, V s0, V s1, V s2, V s3, V s4) where S : struct, ISimd<V> where V : unmanaged
    {
        var first = S.Sums(s0, s1, s2, s3);
        for (var i = 0; i < Math.Min(count, 4); i++)
            sums[i] += first[i];
        if (count > 4)
            sums[4] += S.Sum(s4);
    }
}
