using System.Buffers;
using System.Runtime.InteropServices;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Checkpoints;

/// <summary>What one pass over a tensor's bytes tells.</summary>
/// <param name="Elements">Number of elements.</param>
/// <param name="Zeros">Elements equal to zero, of either sign; null for types that pack elements into bits.</param>
/// <param name="NonFinite">NaN and infinite elements.</param>
public sealed record TensorStatistics(long Elements, long? Zeros, long NonFinite)
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Fraction of zeros; 0 where it is not known.</summary>
    public double Sparsity => Elements == 0 ? 0 : (Zeros ?? 0) / (double)Elements;

    /// <summary>Reads the tensor once, on all cores.</summary>
    public static TensorStatistics Of(TensorSource source)
    {
        if (source.DType.BitSize() % 8 != 0)
            return new(source.Count, null, 0);
        var chunks = (int)((source.ByteLength + ChunkBytes - 1) / ChunkBytes);
        long zeros = 0, nonFinite = 0;
        Workers.For(chunks, chunk =>
        {
            var (z, n) = CountChunk(source, (long)chunk * ChunkBytes);
            Interlocked.Add(ref zeros, z);
            Interlocked.Add(ref nonFinite, n);
        });
        return new(source.Count, zeros, nonFinite);
    }

    private static (long Zeros, long NonFinite) CountChunk(TensorSource source, long offset)
    {
        var length = (int)Math.Min(ChunkBytes, source.ByteLength - offset);
        if (source.TryGetSpan(offset, length, out var bytes))
            return Count(source.DType, bytes);
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            source.Read(offset, buffer.AsSpan(0, length));
            return Count(source.DType, buffer.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static (long Zeros, long NonFinite) Count(DType dtype, ReadOnlySpan<byte> bytes)
    {
        if (FloatConversion.Supports(dtype))
        {
            var width = dtype.ByteSize();
            var finite = MaskKernels.CountAtMost(bytes, width, MaskKernels.InfinityKey(dtype) - 1);
            return (MaskKernels.CountAtMost(bytes, width, 0), bytes.Length / width - finite);
        }
        return (dtype.ByteSize() switch
        {
            1 => bytes.Count((byte)0),
            2 => MemoryMarshal.Cast<byte, ushort>(bytes).Count((ushort)0),
            4 => MemoryMarshal.Cast<byte, uint>(bytes).Count(0u),
            _ => MemoryMarshal.Cast<byte, ulong>(bytes).Count(0ul),
        }, 0);
    }
}
