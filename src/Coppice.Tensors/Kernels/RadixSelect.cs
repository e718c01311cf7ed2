using System.Numerics;
using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Counting passes of an exact radix selection over ranking keys.</summary>
/// <remarks>
/// A key is the magnitude of an IEEE number, or any integer, in 2, 4 or 8 bytes: the bits below the sign bit, which is ignored. For IEEE
/// numbers the order of
/// keys is the order of absolute values, with infinity above every number and NaN above infinity. The first digit is the upper 15 bits,
/// each further digit 16 bits, so 16-bit types need one pass, <see cref="DType.F32"/> two and <see cref="DType.F64"/> four.
/// </remarks>
public static class RadixSelect
{
    /// <summary>Counters that <see cref="CountFirst"/> needs: two tables of 2^16.</summary>
    public const int FirstTableLength = 2 << 16;

    /// <summary>Counters that <see cref="CountNext"/> needs.</summary>
    public const int NextTableLength = 1 << 16;

    /// <summary>Counts elements by their upper 16 bits, sign included; <see cref="FoldFirst"/> merges the tables into 2^15
    /// digits.</summary>
    /// <remarks>Two tables, used in turn, keep runs of equal values from waiting for their own store.</remarks>
    /// <param name="keys">Whole keys of <paramref name="width"/> bytes.</param>
    /// <param name="width">Bytes per key: 2, 4 or 8.</param>
    /// <param name="tables">At least <see cref="FirstTableLength"/> counters, added to.</param>
    public static unsafe void CountFirst(ReadOnlySpan<byte> keys, int width, Span<uint> tables)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tables.Length, FirstTableLength, nameof(tables));
        fixed (byte* start = keys)
        fixed (uint* even = tables)
        {
            var odd = even + (1 << 16);
            var count = keys.Length / width;
            var upper = start + width - 2;
            var i = 0;
            for (; i + 4 <= count; i += 4, upper += 4 * width)
            {
                even[*(ushort*)upper]++;
                odd[*(ushort*)(upper + width)]++;
                even[*(ushort*)(upper + 2 * width)]++;
                odd[*(ushort*)(upper + 3 * width)]++;
            }
            for (; i < count; i++, upper += width)
                even[*(ushort*)upper]++;
        }
    }

    /// <summary>Adds what <see cref="CountFirst"/> counted to 2^15 digit counts, both signs together.</summary>
    public static void FoldFirst(ReadOnlySpan<uint> tables, Span<long> digits)
    {
        for (var i = 0; i < 1 << 16; i++)
            digits[i & 0x7FFF] += (long)tables[i] + tables[i + (1 << 16)];
    }

    /// <summary>Counts the digit at <paramref name="shift"/> of each key whose bits above that digit equal
    /// <paramref name="prefix"/>.</summary>
    /// <param name="keys">Whole keys of <paramref name="width"/> bytes.</param>
    /// <param name="width">Bytes per key: 4 or 8.</param>
    /// <param name="shift">Lowest bit of the digit: 0, 16 or 32.</param>
    /// <param name="prefix">Key bits above the digit, shifted right by <paramref name="shift"/> + 16.</param>
    /// <param name="table">At least <see cref="NextTableLength"/> counters, added to.</param>
    public static void CountNext(ReadOnlySpan<byte> keys, int width, int shift, long prefix, Span<uint> table)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(table.Length, NextTableLength, nameof(table));
        if (width == sizeof(int))
            CountNext(MemoryMarshal.Cast<byte, int>(keys), shift, (int)prefix, table);
        else
            CountNext(MemoryMarshal.Cast<byte, long>(keys), shift, prefix, table);
    }

    private static void CountNext<T>(ReadOnlySpan<T> keys, int shift, T prefix, Span<uint> table)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var above = T.MaxValue >> (shift + 16) << (shift + 16);
        var wanted = prefix << (shift + 16);
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(keys);
        var aboveLanes = new Vector<T>(above);
        var wantedLanes = new Vector<T>(wanted);
        for (var v = 0; v < vectors.Length; v++)
        {
            if (!Vector.EqualsAny(vectors[v] & aboveLanes, wantedLanes))
                continue;
            CountNextScalar(keys.Slice(v * Vector<T>.Count, Vector<T>.Count), shift, above, wanted, table);
        }
        CountNextScalar(keys[(vectors.Length * Vector<T>.Count)..], shift, above, wanted, table);
    }

    private static void CountNextScalar<T>(ReadOnlySpan<T> keys, int shift, T above, T wanted, Span<uint> table)
        where T : unmanaged, IBinaryInteger<T>
    {
        foreach (var key in keys)
            if ((key & above) == wanted)
                table[ushort.CreateTruncating(key >> shift)]++;
    }
}
