using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Transposes a square of as many floats each way as a register has, by repeated zipping: each pass makes of row i and the row
/// half the square below it rows 2i and 2i + 1, and after log2 of the size columns are rows.</summary>
internal static unsafe class SquareTranspose
{
    /// <summary>target[i][j] = source[j][i].</summary>
    /// <param name="source">Rows so many floats apart.</param>
    /// <param name="distance">How many.</param>
    /// <param name="between">Room for another square.</param>
    /// <param name="target">Rows side by side.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<S, V>(float* source, nint distance, float* between, float* target) where S : ISimd<V> where V : unmanaged
    {
        TwoPasses<S, V>(source, distance, S.Count == 4 ? target : between);
        if (S.Count == 8)
            for (var i = 0; i < 4; i++)
            {
                V upper = S.Load(between + 8 * i), lower = S.Load(between + 8 * (i + 4));
                S.Store(S.ZipLow(upper, lower), target + 16 * i);
                S.Store(S.ZipHigh(upper, lower), target + 16 * i + 8);
            }
        if (S.Count == 16)
            TwoPasses<S, V>(between, S.Count, target);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TwoPasses<S, V>(float* source, nint distance, float* target) where S : ISimd<V> where V : unmanaged
    {
        for (var i = 0; i < S.Count / 4; i++, source += distance, target += 4 * S.Count)
        {
            var step = S.Count / 4 * distance;
            V a = S.Load(source), b = S.Load(source + step), c = S.Load(source + 2 * step), d = S.Load(source + 3 * step);
            V acLow = S.ZipLow(a, c), acHigh = S.ZipHigh(a, c), bdLow = S.ZipLow(b, d), bdHigh = S.ZipHigh(b, d);
            S.Store(S.ZipLow(acLow, bdLow), target);
            S.Store(S.ZipHigh(acLow, bdLow), target + S.Count);
            S.Store(S.ZipLow(acHigh, bdHigh), target + 2 * S.Count);
            S.Store(S.ZipHigh(acHigh, bdHigh), target + 3 * S.Count);
        }
    }
}
