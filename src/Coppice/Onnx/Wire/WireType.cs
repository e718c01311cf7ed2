namespace Coppice.Onnx.Wire;

/// <summary>How a field's value is encoded: the low three bits of its tag.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}
