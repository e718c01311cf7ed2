namespace Coppice.Tensors;

/// <summary>Element types of tensors and checkpoints, named as in the safetensors format.</summary>
/// <remarks>The engine computes in <see cref="F32"/> (and indexes with <see cref="I64"/>); the other types are stored, ranked and converted.</remarks>
public enum DType
{
    /// <summary>IEEE 754 single precision.</summary>
    F32,
    /// <summary>IEEE 754 double precision.</summary>
    F64,
    /// <summary>IEEE 754 half precision.</summary>
    F16,
    /// <summary>Brain float: the upper half of an <see cref="F32"/>.</summary>
    BF16,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Signed 8-bit integer.</summary>
    I8,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>Unsigned 8-bit integer.</summary>
    U8,
    /// <summary>One byte a value, 0 or 1.</summary>
    Bool,
    /// <summary>8-bit float, 5 exponent and 2 mantissa bits.</summary>
    F8E5M2,
    /// <summary>8-bit float, 4 exponent and 3 mantissa bits.</summary>
    F8E4M3,
    /// <summary>8-bit power of two, no sign and no mantissa.</summary>
    F8E8M0,
    /// <summary>6-bit float, 2 exponent and 3 mantissa bits, packed.</summary>
    F6E2M3,
    /// <summary>6-bit float, 3 exponent and 2 mantissa bits, packed.</summary>
    F6E3M2,
    /// <summary>4-bit float, 2 exponent and 1 mantissa bit, packed.</summary>
    F4,
    /// <summary>Complex number of two <see cref="F32"/>.</summary>
    C64,
}

/// <summary>Facts about <see cref="DType"/> values.</summary>
public static class DTypes
{
    /// <summary>Bits that one element takes.</summary>
    public static int BitSize(this DType dtype) => dtype switch
    {
        DType.F64 or DType.I64 or DType.U64 or DType.C64 => 64,
        DType.F32 or DType.I32 or DType.U32 => 32,
        DType.F16 or DType.BF16 or DType.I16 or DType.U16 => 16,
        DType.F6E2M3 or DType.F6E3M2 => 6,
        DType.F4 => 4,
        _ => 8,
    };

    /// <summary>Bytes that one element takes.</summary>
    /// <exception cref="NotSupportedException">The type packs several elements into a byte.</exception>
    public static int ByteSize(this DType dtype) => dtype.BitSize() % 8 == 0
        ? dtype.BitSize() / 8
        : throw new NotSupportedException($"{dtype} packs elements into {dtype.BitSize()} bits; it has no whole byte size.");

    /// <summary>Whether values are floating-point numbers of 16 bits.</summary>
    public static bool IsHalf(this DType dtype) => dtype is DType.F16 or DType.BF16;

    /// <summary>Whether values are real floating-point numbers.</summary>
    public static bool IsFloatingPoint(this DType dtype) => dtype is DType.F32 or DType.F64 or DType.F16 or DType.BF16
        or DType.F8E5M2 or DType.F8E4M3 or DType.F8E8M0 or DType.F6E2M3 or DType.F6E3M2 or DType.F4;
}
