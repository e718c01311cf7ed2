using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Tensors.Kernels;

/// <summary>Rearranges a strip of a matrix into the order the GEMM tile reads: for each k, the strip's entries side by side.</summary>
internal static unsafe class Panels
{
    /// <summary>Rows to fetch ahead where only a few entries of each are taken, which the processor's own prefetching misses.</summary>
    private const int RowsAhead = 16;

    /// <summary>target[k·step + i] = source[k·ld + i] for i &lt; <paramref name="width"/>; needs width &lt;= step.</summary>
    public static void Copy(float* source, int ld, int width, int count, float* target, int step)
    {
        var k = 0;
        if (width == 32)
            for (; k < count; k++)
            {
                Prefetch.Line(source + (long)(k + RowsAhead) * ld);
                Prefetch.Line(source + (long)(k + RowsAhead) * ld + 16);
                Unsafe.CopyBlockUnaligned(target + (long)k * step, source + (long)k * ld, 32 * sizeof(float));
            }
        else if (width == 16)
            for (; k < count; k++)
                Unsafe.CopyBlockUnaligned(target + (long)k * step, source + (long)k * ld, 16 * sizeof(float));
        else if (width == step)
        {
            // 16 entries at once: the surplus falls on the next k, written next. The last few k, where it must not, go one by one.
            var readable = (long)(count - 1) * ld + width - 16;
            var writable = (long)(count - 1) * step + width - 16;
            for (; width < 16 && (long)k * ld <= readable && (long)k * step <= writable; k++)
                Unsafe.CopyBlockUnaligned(target + (long)k * step, source + (long)k * ld, 16 * sizeof(float));
        }
        for (; k < count; k++)
            for (var i = 0; i < width; i++)
                target[(long)k * step + i] = source[(long)k * ld + i];
    }

    /// <summary>target[k·step + i] = source[i·ld + k] for i &lt; <paramref name="width"/>; needs width &lt;= step.</summary>
    public static void Transpose(float* source, int ld, int width, int count, float* target, int step)
    {
        // The last rows, fewer than eight perhaps, go first: what they write in surplus is overwritten by those before.
        for (var i = (width - 1) / 8 * 8; i >= 0; i -= 8)
        {
            float* from = source + (long)i * ld, to = target + i;
            var rows = Math.Min(8, width - i);
            var k = Avx.IsSupported && (rows == 8 || width == step) ? Transpose8(from, ld, rows, count, to, step) : 0;
            for (; k < count; k++)
                for (var row = 0; row < rows; row++)
                    to[(long)k * step + row] = from[(long)row * ld + k];
        }
    }

    /// <summary>
    /// Up to eight rows at once, no more, as rows a power of two apart share the few ways of one cache set. Entries of fewer rows fall in
    /// surplus on the next k, which is written next. Returns how many k were done.
    /// </summary>
    private static int Transpose8(float* source, int ld, int rows, int count, float* target, int step)
    {
        var row = stackalloc float*[8];
        for (var i = 0; i < 8; i++)
            row[i] = source + (long)Math.Min(i, rows - 1) * ld;
        var writable = (long)(count - 1) * step + rows - 8;
        var k = 0;
        for (; k + 4 <= count && (long)(k + 3) * step <= writable; k += 4)
        {
            // Each 128-bit lane holds four k of one row: rows 0 and 4 in the first vector, 1 and 5 in the next.
            Vector256<float> r04 = Pair(row[0] + k, row[4] + k), r15 = Pair(row[1] + k, row[5] + k);
            Vector256<float> r26 = Pair(row[2] + k, row[6] + k), r37 = Pair(row[3] + k, row[7] + k);
            Vector256<float> low01 = Avx.UnpackLow(r04, r15), high01 = Avx.UnpackHigh(r04, r15);
            Vector256<float> low23 = Avx.UnpackLow(r26, r37), high23 = Avx.UnpackHigh(r26, r37);
            var to = target + (long)k * step;
            Avx.Shuffle(low01, low23, 0b01_00_01_00).Store(to);
            Avx.Shuffle(low01, low23, 0b11_10_11_10).Store(to + step);
            Avx.Shuffle(high01, high23, 0b01_00_01_00).Store(to + 2L * step);
            Avx.Shuffle(high01, high23, 0b11_10_11_10).Store(to + 3L * step);
        }
        return k;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Pair(float* low, float* high) => Vector256.Create(Vector128.Load(low), Vector128.Load(high));
}
