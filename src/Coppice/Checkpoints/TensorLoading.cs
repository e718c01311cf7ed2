using System.Buffers;
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
        CheckConverts(source);
        var tensor = Tensor.Empty(source.Shape);
        source.ReadInto(tensor);
        return tensor;
    }

    /// <summary>Reads the whole tensor into an F32 one of its shape, converting from F16, BF16 and F64 (rounded to nearest).</summary>
    /// <exception cref="NotSupportedException">The tensor is of another type.</exception>
    /// <exception cref="ArgumentException">The target has another shape or type.</exception>
    public static void ReadInto(this TensorSource source, Tensor target)
    {
        CheckConverts(source);
        if (target.Shape != source.Shape || target.DType != DType.F32)
            throw new ArgumentException($"{source} can't be read into {target}; give an F32 tensor of its shape.", nameof(target));
        if (source.DType == DType.F32)
        {
            ForChunks(source.ByteLength, ChunkBytes, (offset, length) => source.Read(offset, target.Bytes(offset, length)));
            return;
        }
        var size = source.DType.ByteSize();
        ForChunks(source.Count, ChunkBytes / sizeof(double), (first, count) =>
        {
            var bytes = ArrayPool<byte>.Shared.Rent(count * size);
            source.Read(first * size, bytes.AsSpan(0, count * size));
            var values = MemoryMarshal.Cast<byte, float>(target.Bytes(first * sizeof(float), count * sizeof(float)));
            Convert(source.DType, bytes.AsSpan(0, count * size), values);
            ArrayPool<byte>.Shared.Return(bytes);
        });
    }

    private static void CheckConverts(TensorSource source)
    {
        if (source.DType is not (DType.F32 or DType.F16 or DType.BF16 or DType.F64))
            throw new NotSupportedException($"{source}: only F32, F16, BF16 and F64 convert to F32; load it with ToTensor() instead.");
    }

    /// <summary>Calls the body for each piece of a range, on all cores: first touch of new memory costs more than the copy.</summary>
    private static void ForChunks(long total, int chunk, Action<long, int> body)
    {
        var chunks = checked((int)((total + chunk - 1) / chunk));
        Workers.For(chunks, i => body((long)i * chunk, (int)Math.Min(chunk, total - (long)i * chunk)));
    }

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
