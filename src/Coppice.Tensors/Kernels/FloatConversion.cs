using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Coppice.Tensors.Kernels;

/// <summary>Converts elements between F32, F64, F16 and BF16 as they lie in memory or in a file (little-endian).</summary>
public static class FloatConversion
{
    /// <summary>Whether elements of this type can be converted.</summary>
    public static bool Supports(DType dtype) => dtype is DType.F32 or DType.F64 or DType.F16 or DType.BF16;

    /// <summary>Converts elements of one type into another, rounding to nearest with halves to even; beyond range is infinity.</summary>
    /// <exception cref="ArgumentException">A type is not supported, or the spans do not hold equally many whole elements.</exception>
    public static void Convert(DType from, ReadOnlySpan<byte> source, DType to, Span<byte> target)
    {
        if (!Supports(from) || !Supports(to))
            throw new ArgumentException($"{from} can't be converted to {to}; only F32, F64, F16 and BF16 can.", nameof(from));
        var count = source.Length / from.ByteSize();
        if (source.Length != count * from.ByteSize() || target.Length != (long)count * to.ByteSize())
            throw new ArgumentException(
                $"{source.Length} bytes of {from} do not become {target.Length} bytes of {to}; give spans of equally many elements.",
                nameof(target));
        if (from == to)
            source.CopyTo(target);
        else if (to == DType.F32)
            ToSingle(from, source, MemoryMarshal.Cast<byte, float>(target));
        else if (from == DType.F32)
            FromSingle(MemoryMarshal.Cast<byte, float>(source), to, target);
        else
            ByWayOfSingle(from, source, to, target, count);
    }

    private static void ByWayOfSingle(DType from, ReadOnlySpan<byte> source, DType to, Span<byte> target, int count)
    {
        Span<float> buffer = stackalloc float[1024];
        for (var start = 0; start < count; start += buffer.Length)
        {
            var part = buffer[..Math.Min(buffer.Length, count - start)];
            ToSingle(from, source.Slice(start * from.ByteSize(), part.Length * from.ByteSize()), part);
            FromSingle(part, to, target.Slice(start * to.ByteSize(), part.Length * to.ByteSize()));
        }
    }

    private static void ToSingle(DType from, ReadOnlySpan<byte> source, Span<float> target)
    {
        switch (from)
        {
            case DType.F64: TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(source), target); break;
            case DType.F16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(source), target); break;
            default: WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(source), MemoryMarshal.Cast<float, uint>(target)); break;
        }
    }

    private static void FromSingle(ReadOnlySpan<float> source, DType to, Span<byte> target)
    {
        switch (to)
        {
            case DType.F64: TensorPrimitives.ConvertTruncating(source, MemoryMarshal.Cast<byte, double>(target)); break;
            case DType.F16: TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(target)); break;
            default: NarrowBFloat16(MemoryMarshal.Cast<float, uint>(source), MemoryMarshal.Cast<byte, ushort>(target)); break;
        }
    }

    private static void WidenBFloat16(ReadOnlySpan<ushort> source, Span<uint> target)
    {
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            (low << 16).CopyTo(target[i..]);
            (high << 16).CopyTo(target[(i + Vector<uint>.Count)..]);
        }
        for (; i < source.Length; i++)
            target[i] = (uint)source[i] << 16;
    }

    private static void NarrowBFloat16(ReadOnlySpan<uint> source, Span<ushort> target)
    {
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            var (low, high) = (new Vector<uint>(source[i..]), new Vector<uint>(source[(i + Vector<uint>.Count)..]));
            Vector.Narrow(Round(low), Round(high)).CopyTo(target[i..]);
        }
        for (; i < source.Length; i++)
            target[i] = (ushort)Round(new Vector<uint>(source[i]))[0];
    }

    // The upper half, plus one where the lower half is more than half a unit, or half a unit and the upper half odd.
    // NaN keeps its sign and becomes quiet.
    private static Vector<uint> Round(Vector<uint> bits)
    {
        var rounded = (bits + new Vector<uint>(0x7FFF) + ((bits >> 16) & Vector<uint>.One)) >> 16;
        var nan = Vector.GreaterThan(bits & new Vector<uint>(0x7FFFFFFF), new Vector<uint>(0x7F800000));
        return Vector.ConditionalSelect(nan, (bits >> 16) | new Vector<uint>(0x40), rounded);
    }
}
