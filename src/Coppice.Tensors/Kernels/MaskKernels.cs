using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Counts and zeroes floating-point elements in place by the bits of their magnitude (see <see cref="RadixSelect"/>).</summary>
/// <remarks>
/// Elements are F32, F64, F16 or BF16 bytes. Zeroing either writes +0, or, with <c>keepSign</c>, what multiplication by zero gives: a
/// zero with the
/// element's sign, and NaN for infinities and NaN.
/// </remarks>
public static class MaskKernels
{
    /// <summary>The key of infinity: keys above it are NaN.</summary>
    /// <exception cref="NotSupportedException">The type can't be ranked: F32, F64, F16 and BF16 can.</exception>
    public static long InfinityKey(DType dtype) => dtype switch
    {
        DType.F32 => 0x7F80_0000,
        DType.F64 => 0x7FF0_0000_0000_0000,
        DType.F16 => 0x7C00,
        DType.BF16 => 0x7F80,
        _ => throw new NotSupportedException(
            $"{dtype} elements can't be ranked or zeroed: convert the tensor to F32, F64, F16 or BF16 first."),
    };

    /// <summary>The magnitude that a key stands for, exactly (NaN where the key is a NaN's).</summary>
    public static double KeyToMagnitude(DType dtype, long key) => dtype switch
    {
        DType.F32 => BitConverter.Int32BitsToSingle((int)key),
        DType.F64 => BitConverter.Int64BitsToDouble(key),
        DType.F16 => (double)BitConverter.Int16BitsToHalf((short)key),
        DType.BF16 => BitConverter.Int32BitsToSingle((int)key << 16),
        _ => throw new NotSupportedException($"{dtype} has no magnitude keys."),
    };

    /// <summary>How many keys are at most <paramref name="limit"/>; a limit of -1 counts none.</summary>
    public static long CountAtMost(ReadOnlySpan<byte> keys, int width, long limit) => width switch
    {
        sizeof(short) => CountAtMost(MemoryMarshal.Cast<byte, short>(keys), (short)limit),
        sizeof(int) => CountAtMost(MemoryMarshal.Cast<byte, int>(keys), (int)limit),
        _ => CountAtMost(MemoryMarshal.Cast<byte, long>(keys), limit),
    };

    /// <summary>Zeroes the elements whose key is at most <paramref name="limit"/> and returns how many these were.</summary>
    public static long ZeroAtMost(Span<byte> elements, DType dtype, long limit, bool keepSign)
    {
        var multiply = keepSign && limit >= InfinityKey(dtype);
        return dtype switch
        {
            DType.F32 => ZeroAtMost(MemoryMarshal.Cast<byte, int>(elements), dtype, (int)limit, keepSign, multiply),
            DType.F64 => ZeroAtMost(MemoryMarshal.Cast<byte, long>(elements), dtype, limit, keepSign, multiply),
            _ => ZeroAtMost(MemoryMarshal.Cast<byte, short>(elements), dtype, (short)limit, keepSign, multiply),
        };
    }

    /// <summary>Zeroes the elements where <paramref name="lanes"/>, of the same length, is all ones (elsewhere all zeros) and returns how
    /// many these were.</summary>
    public static long ZeroLanes(Span<byte> elements, DType dtype, ReadOnlySpan<byte> lanes, bool keepSign)
    {
        if (lanes.Length != elements.Length)
            throw new ArgumentException($"{lanes.Length} bytes of lanes for {elements.Length} bytes of elements.", nameof(lanes));
        return dtype switch
        {
            DType.F32 => ZeroLanes(MemoryMarshal.Cast<byte, int>(elements), MemoryMarshal.Cast<byte, int>(lanes), dtype, keepSign),
            DType.F64 => ZeroLanes(MemoryMarshal.Cast<byte, long>(elements), MemoryMarshal.Cast<byte, long>(lanes), dtype, keepSign),
            _ => ZeroLanes(MemoryMarshal.Cast<byte, short>(elements), MemoryMarshal.Cast<byte, short>(lanes), dtype, keepSign),
        };
    }

    private static long CountAtMost<T>(ReadOnlySpan<T> keys, T limit) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(keys);
        var magnitude = new Vector<T>(T.MaxValue);
        var limits = new Vector<T>(limit);
        long total = 0;
        // Lanes count down from zero; blocks are short enough for 16-bit lanes.
        for (var block = 0; block < vectors.Length; block += short.MaxValue)
        {
            var counts = Vector<T>.Zero;
            foreach (var vector in vectors.Slice(block, Math.Min(short.MaxValue, vectors.Length - block)))
                counts += Vector.LessThanOrEqual(vector & magnitude, limits);
            total -= SumLanes(counts);
        }
        foreach (var key in keys[(vectors.Length * Vector<T>.Count)..])
            total += (key & T.MaxValue) <= limit ? 1 : 0;
        return total;
    }

    private static long ZeroAtMost<T>(Span<T> elements, DType dtype, T limit, bool keepSign, bool multiply)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var kept = keepSign ? T.MinValue : T.Zero;
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(elements);
        var magnitude = new Vector<T>(T.MaxValue);
        var limits = new Vector<T>(limit);
        var keptLanes = new Vector<T>(kept);
        long total = 0;
        if (multiply)
            vectors = [];
        for (var block = 0; block < vectors.Length; block += short.MaxValue)
        {
            var survivors = Vector<T>.Zero;
            var part = vectors.Slice(block, Math.Min(short.MaxValue, vectors.Length - block));
            foreach (ref var vector in part)
            {
                var survives = Vector.GreaterThan(vector & magnitude, limits);
                survivors += survives;
                vector &= survives | keptLanes;
            }
            total += (long)part.Length * Vector<T>.Count + SumLanes(survivors);
        }
        foreach (ref var element in elements[(vectors.Length * Vector<T>.Count)..])
        {
            if ((element & T.MaxValue) > limit)
                continue;
            element = multiply ? TimesZero(element, dtype) : element & kept;
            total++;
        }
        return total;
    }

    private static long ZeroLanes<T>(Span<T> elements, ReadOnlySpan<T> lanes, DType dtype, bool keepSign)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var kept = keepSign ? T.MinValue : T.Zero;
        var infinity = keepSign ? T.CreateTruncating(InfinityKey(dtype)) : T.MaxValue;
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(elements);
        var laneVectors = MemoryMarshal.Cast<T, Vector<T>>(lanes);
        var keptLanes = new Vector<T>(kept);
        var infinities = new Vector<T>(infinity);
        long total = 0;
        for (var block = 0; block < vectors.Length; block += short.MaxValue)
        {
            var counts = Vector<T>.Zero;
            var end = Math.Min(block + short.MaxValue, vectors.Length);
            for (var v = block; v < end; v++)
            {
                var pruned = laneVectors[v];
                counts += pruned;
                var first = v * Vector<T>.Count;
                if (keepSign && Vector.GreaterThanOrEqualAny(vectors[v] & new Vector<T>(T.MaxValue) & pruned, infinities))
                    ZeroLanesScalar(elements.Slice(first, Vector<T>.Count), lanes.Slice(first, Vector<T>.Count), dtype, kept, infinity);
                else
                    vectors[v] &= ~pruned | keptLanes;
            }
            total -= SumLanes(counts);
        }
        var done = vectors.Length * Vector<T>.Count;
        return total + ZeroLanesScalar(elements[done..], lanes[done..], dtype, kept, infinity);
    }

    private static long ZeroLanesScalar<T>(Span<T> elements, ReadOnlySpan<T> lanes, DType dtype, T kept, T infinity)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        long total = 0;
        for (var i = 0; i < elements.Length; i++)
        {
            if (lanes[i] == T.Zero)
                continue;
            var keepSign = kept != T.Zero;
            elements[i] = keepSign && (elements[i] & T.MaxValue) >= infinity ? TimesZero(elements[i], dtype) : elements[i] & kept;
            total++;
        }
        return total;
    }

    private static long SumLanes<T>(Vector<T> lanes) where T : unmanaged, IBinaryInteger<T>
    {
        long sum = 0;
        for (var i = 0; i < Vector<T>.Count; i++)
            sum += long.CreateTruncating(lanes[i]);
        return sum;
    }

    /// <summary>The element times +0, as IEEE arithmetic has it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T TimesZero<T>(T element, DType dtype) where T : unmanaged, IBinaryInteger<T>
    {
        var bits = long.CreateTruncating(element);
        return T.CreateTruncating(dtype switch
        {
            DType.F32 => BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle((int)bits) * 0f),
            DType.F64 => BitConverter.DoubleToInt64Bits(BitConverter.Int64BitsToDouble(bits) * 0.0),
            DType.F16 => BitConverter.HalfToInt16Bits((Half)((float)BitConverter.Int16BitsToHalf((short)bits) * 0f)),
            _ => BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle((int)bits << 16) * 0f) >> 16,
        });
    }
}
