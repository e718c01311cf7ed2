using Coppice.Tensors;

namespace Coppice.Checkpoints.SafeTensors;

/// <summary>The format's names of element types.</summary>
internal static class SafeTensorsTypes
{
    private static readonly Dictionary<string, DType> ByName = new()
    {
        ["F32"] = DType.F32, ["F64"] = DType.F64, ["F16"] = DType.F16, ["BF16"] = DType.BF16,
        ["I64"] = DType.I64, ["I32"] = DType.I32, ["I16"] = DType.I16, ["I8"] = DType.I8,
        ["U64"] = DType.U64, ["U32"] = DType.U32, ["U16"] = DType.U16, ["U8"] = DType.U8,
        ["BOOL"] = DType.Bool, ["C64"] = DType.C64,
        ["F8_E5M2"] = DType.F8E5M2, ["F8_E4M3"] = DType.F8E4M3, ["F8_E8M0"] = DType.F8E8M0,
        ["F6_E2M3"] = DType.F6E2M3, ["F6_E3M2"] = DType.F6E3M2, ["F4"] = DType.F4,
    };

    private static readonly Dictionary<DType, string> Names = ByName.ToDictionary(pair => pair.Value, pair => pair.Key);

    public static bool TryParse(string name, out DType dtype) => ByName.TryGetValue(name, out dtype);

    public static string NameOf(DType dtype) => Names[dtype];
}
