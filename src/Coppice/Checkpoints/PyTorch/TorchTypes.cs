using Coppice.Tensors;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>PyTorch's storage classes and their element types.</summary>
internal static class TorchTypes
{
    private static readonly Dictionary<string, DType> ByClass = new()
    {
        ["FloatStorage"] = DType.F32, ["DoubleStorage"] = DType.F64, ["HalfStorage"] = DType.F16, ["BFloat16Storage"] = DType.BF16,
        ["LongStorage"] = DType.I64, ["IntStorage"] = DType.I32, ["ShortStorage"] = DType.I16, ["CharStorage"] = DType.I8,
        ["ByteStorage"] = DType.U8, ["BoolStorage"] = DType.Bool, ["ComplexFloatStorage"] = DType.C64,
    };

    private static readonly Dictionary<DType, string> Classes = ByClass.ToDictionary(pair => pair.Value, pair => pair.Key);

    public static bool TryParse(string storageClass, out DType dtype) => ByClass.TryGetValue(storageClass, out dtype);

    /// <summary>The storage class of a type; null where PyTorch has none that every version reads.</summary>
    public static string? ClassOf(DType dtype) => Classes.GetValueOrDefault(dtype);
}
