using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Elements stored as protobuf numbers of one to ten bytes, as small integer tensors are.</summary>
internal static class PackedNumbers
{
    /// <summary>The tensor, or null where the bytes are not exactly its elements.</summary>
    public static Tensor? Decode(ByteBlock data, DType dtype, Shape shape)
    {
        if (shape.Count > data.Length || data.Length > int.MaxValue)
            return null;
        var bytes = data.Slice(0, (int)data.Length);
        var tensor = Tensor.Empty(shape, dtype);
        var size = dtype.ByteSize();
        var target = tensor.Bytes(0, checked((int)(shape.Count * size)));
        var at = 0;
        for (var i = 0; i < target.Length; i += size)
        {
            if (!TryNext(bytes, ref at, out var value))
                return null;
            // The low bytes of the two's complement are the element, whatever its width: F16 is stored as its 16 bits.
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value))[..size].CopyTo(target[i..]);
        }
        return at == bytes.Length ? tensor : null;
    }

    private static bool TryNext(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70 && at < bytes.Length; shift += 7)
        {
            var next = bytes[at++];
            value |= (next & 0x7FUL) << shift;
            if (next < 0x80)
                return true;
        }
        return false;
    }
}
