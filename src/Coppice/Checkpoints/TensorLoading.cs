using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Checkpoints;

/// <summary>Brings a checkpoint's tensors into memory.</summary>
public static class TensorLoading
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Reads the whole tensor, of its own type.</summary>
    /// <exception cref="NotSupportedException">The type packs several elements into a byte.</exception>
    public static Tensor ToTensor(this TensorSource source)
    {
        var tensor = Tensor.Empty(source.Shape, source.DType);
        ForChunks(source.ByteLength, ChunkBytes, (offset, length) => source.Read(offset, tensor.Bytes(offset, length)));
        return tensor;
    }

    /// <summary>Reads the whole tensor as <see cref="DType.F32"/>, converting from F16, BF16 and F64 (rounded to nearest).</summary>
    /// <exception cref="NotSupportedException">The tensor is of another type.</exception>
    public static Tensor ToSingle(this TensorSource source)
    {
        if (source.DType == DType.F32)
            return source.ToTensor();
        if (source.DType is not (DType.F16 or DType.BF16 or DType.F64))
            throw new NotSupportedException($"{source}: only F32, F16, BF16 and F64 convert to F32; load it with ToTensor() instead.");
        var tensor = Tensor.Empty(source.Shape);
        var size = source.DType.ByteSize();
        ForChunks(source.Count, ChunkBytes / sizeof(double), (first, count) =>
        {
            var bytes = new byte[count * size];
            source.Read(first * size, bytes);
            Convert(source.DType, bytes, MemoryMarshal.Cast<byte, float>(tensor.Bytes(first * sizeof(float), count * sizeof(float))));
        });
        return tensor;
    }

    /// <summary>Calls the body for each piece of a range, on the machine's cores: first touch of new memory costs more than the
    /// copy.</summary>
    private static void ForChunks(long total, int chunk, Action<long, int> body) =>
        Workers.For(checked((int)((total + chunk - 1) / chunk)), i => body((long)i * chunk, (int)Math.Min(chunk, total - (long)i * chunk)));

    private static void Convert(DType dtype, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (dtype)
        {
            case DType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case DType.BF16:
                var bits = MemoryMarshal.Cast<float, uint>(values);
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ushort>(bytes), bits);
                TensorPrimitives.ShiftLeft(bits, 16, bits);
                break;
            default:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(bytes), values);
                break;
        }
    }
}
