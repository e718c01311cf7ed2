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
            // 16 entries at once: the surplus falls on the next k, written next; the last few k, where it must not, are left to the plain loop.
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
        for (var i = 0; i < width;)
        {
            float* from = source + (long)i * ld, to = target + i;
            var rows = width - i;
            var k = 0;
            if (Avx512F.IsSupported && (rows >= 16 || width == step && i == 0))
            {
                rows = Math.Min(rows, 16);
                k = Transpose16(from, ld, rows, count, to, step);
            }
            else if (Sse.IsSupported && rows >= 4)
            {
                rows = 4;
                k = Transpose4(from, ld, count, to, step);
            }
            for (; k < count; k++)
                for (var row = 0; row < rows; row++)
                    to[(long)k * step + row] = from[(long)row * ld + k];
            i += rows;
        }
    }

    /// <summary>Up to 16 rows at once; surplus entries fall on the next k, which is written next. Returns how many k were done.</summary>
    private static int Transpose16(float* source, int ld, int rows, int count, float* target, int step)
    {
        var row = stackalloc float*[16];
        for (var i = 0; i < 16; i++)
            row[i] = source + (long)Math.Min(i, rows - 1) * ld;
        var writable = (long)(count - 1) * step + rows - 16;
        var k = 0;
        for (; k + 4 <= count && (long)(k + 3) * step <= writable; k += 4)
        {
            // Each 128-bit lane holds four k of one row: rows 0,4,8,12 in the first vector, 1,5,9,13 in the next.
            Vector512<float> r0 = Lanes(row, k), r1 = Lanes(row + 1, k), r2 = Lanes(row + 2, k), r3 = Lanes(row + 3, k);
            Vector512<float> low01 = Avx512F.UnpackLow(r0, r1), high01 = Avx512F.UnpackHigh(r0, r1);
            Vector512<float> low23 = Avx512F.UnpackLow(r2, r3), high23 = Avx512F.UnpackHigh(r2, r3);
            var to = target + (long)k * step;
            Avx512F.Shuffle(low01, low23, 0b01_00_01_00).Store(to);
            Avx512F.Shuffle(low01, low23, 0b11_10_11_10).Store(to + step);
            Avx512F.Shuffle(high01, high23, 0b01_00_01_00).Store(to + 2L * step);
            Avx512F.Shuffle(high01, high23, 0b11_10_11_10).Store(to + 3L * step);
        }
        return k;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Lanes(float** row, int k)
    {
        var lanes = Vector128.Load(row[0] + k).ToVector256Unsafe().ToVector512Unsafe();
        lanes = Avx512F.InsertVector128(lanes, Vector128.Load(row[4] + k), 1);
        lanes = Avx512F.InsertVector128(lanes, Vector128.Load(row[8] + k), 2);
        return Avx512F.InsertVector128(lanes, Vector128.Load(row[12] + k), 3);
    }

    private static int Transpose4(float* source, int ld, int count, float* target, int step)
    {
        float* row1 = source + ld, row2 = row1 + ld, row3 = row2 + ld;
        var k = 0;
        for (; k + 4 <= count; k += 4)
        {
            Vector128<float> r0 = Vector128.Load(source + k), r1 = Vector128.Load(row1 + k);
            Vector128<float> r2 = Vector128.Load(row2 + k), r3 = Vector128.Load(row3 + k);
            Vector128<float> low01 = Sse.UnpackLow(r0, r1), high01 = Sse.UnpackHigh(r0, r1);
            Vector128<float> low23 = Sse.UnpackLow(r2, r3), high23 = Sse.UnpackHigh(r2, r3);
            var to = target + (long)k * step;
            Sse.MoveLowToHigh(low01, low23).Store(to);
            Sse.MoveHighToLow(low23, low01).Store(to + step);
            Sse.MoveLowToHigh(high01, high23).Store(to + 2L * step);
            Sse.MoveHighToLow(high23, high01).Store(to + 3L * step);
        }
        return k;
    }
}
