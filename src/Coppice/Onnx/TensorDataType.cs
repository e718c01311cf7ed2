using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Element types, numbered as in the file.</summary>
public enum TensorDataType
{
    /// <summary>Not said.</summary>
    Undefined = 0,
    /// <summary>IEEE 754 single precision.</summary>
    Float = 1,
    /// <summary>Unsigned 8-bit integer.</summary>
    Uint8 = 2,
    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,
    /// <summary>Unsigned 16-bit integer.</summary>
    Uint16 = 4,
    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,
    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,
    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,
    /// <summary>Text; kept, not interpreted.</summary>
    String = 8,
    /// <summary>One byte a value, 0 or 1.</summary>
    Bool = 9,
    /// <summary>IEEE 754 half precision.</summary>
    Float16 = 10,
    /// <summary>IEEE 754 double precision.</summary>
    Double = 11,
    /// <summary>Unsigned 32-bit integer.</summary>
    Uint32 = 12,
    /// <summary>Unsigned 64-bit integer.</summary>
    Uint64 = 13,
    /// <summary>Complex number of two <see cref="Float"/>.</summary>
    Complex64 = 14,
    /// <summary>Complex number of two <see cref="Double"/>; kept, not interpreted.</summary>
    Complex128 = 15,
    /// <summary>Brain float: the upper half of a <see cref="Float"/>.</summary>
    Bfloat16 = 16,
    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, without infinities.</summary>
    Float8E4M3FN = 17,
    /// <summary>8-bit float, 5 exponent and 2 mantissa bits.</summary>
    Float8E5M2 = 19,
}

/// <summary>Facts about <see cref="TensorDataType"/> values.</summary>
public static class TensorDataTypes
{
    private static readonly Dictionary<TensorDataType, DType> Engine = new()
    {
        [TensorDataType.Float] = DType.F32, [TensorDataType.Double] = DType.F64,
        [TensorDataType.Float16] = DType.F16, [TensorDataType.Bfloat16] = DType.BF16,
        [TensorDataType.Int64] = DType.I64, [TensorDataType.Int32] = DType.I32,
        [TensorDataType.Int16] = DType.I16, [TensorDataType.Int8] = DType.I8,
        [TensorDataType.Uint64] = DType.U64, [TensorDataType.Uint32] = DType.U32,
        [TensorDataType.Uint16] = DType.U16, [TensorDataType.Uint8] = DType.U8,
        [TensorDataType.Bool] = DType.Bool, [TensorDataType.Complex64] = DType.C64,
        [TensorDataType.Float8E4M3FN] = DType.F8E4M3, [TensorDataType.Float8E5M2] = DType.F8E5M2,
    };

    private static readonly Dictionary<DType, TensorDataType> Onnx = Engine.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>The engine's type, where it has one.</summary>
    public static bool TryToDType(this TensorDataType type, out DType dtype) => Engine.TryGetValue(type, out dtype);

    /// <summary>The type of elements in an ONNX file.</summary>
    /// <exception cref="NotSupportedException">ONNX has no such type.</exception>
    public static TensorDataType ToOnnx(this DType dtype) => Onnx.TryGetValue(dtype, out var type)
        ? type
        : throw new NotSupportedException($"ONNX has no tensors of {dtype}; cast them to F32 or F16 first.");
}
