using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning;

/// <summary>A tensor in memory; <paramref name="mapped"/> offers its bytes without a copy.</summary>
internal sealed class MemoryTensor(string name, DType dtype, Shape shape, byte[] bytes, bool mapped = true)
    : TensorSource(name, dtype, shape)
{
    public byte[] Bytes => bytes;

    /// <summary>The array: two tensors over one array are tied.</summary>
    public override object Identity => bytes;

    public static MemoryTensor F32(string name, Shape shape, params float[] values) =>
        new(name, DType.F32, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>Roughly normal values with many small ones, from a seed.</summary>
    public static MemoryTensor Random(string name, Shape shape, int seed, DType dtype = DType.F32, bool mapped = true)
    {
        var random = new Random(seed);
        var bytes = new byte[shape.Count * dtype.ByteSize()];
        for (var i = 0; i < shape.Count; i++)
            Write(bytes.AsSpan(i * dtype.ByteSize()), dtype, (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 0.1);
        return new MemoryTensor(name, dtype, shape, bytes, mapped);
    }

    public static void Write(Span<byte> target, DType dtype, double value)
    {
        switch (dtype)
        {
            case DType.F32: BitConverter.TryWriteBytes(target, (float)value); break;
            case DType.F64: BitConverter.TryWriteBytes(target, value); break;
            case DType.F16: BitConverter.TryWriteBytes(target, (Half)value); break;
            case DType.BF16: BitConverter.TryWriteBytes(target, (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16)); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype));
        }
    }

    public static double[] Values(TensorSource tensor)
    {
        var bytes = AllBytes(tensor);
        var size = tensor.DType.ByteSize();
        return [.. Enumerable.Range(0, bytes.Length / size).Select(i => tensor.DType switch
        {
            DType.F32 => BitConverter.ToSingle(bytes, i * size),
            DType.F64 => BitConverter.ToDouble(bytes, i * size),
            DType.F16 => (double)BitConverter.ToHalf(bytes, i * size),
            _ => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, i * size) << 16),
        })];
    }

    /// <summary>The bits of a non-negative value, which rank it.</summary>
    public static long Key(double value, DType dtype) =>
        dtype == DType.F64 ? BitConverter.DoubleToInt64Bits(value) : BitConverter.SingleToInt32Bits((float)value);

    public static byte[] AllBytes(TensorSource tensor)
    {
        var all = new byte[tensor.ByteLength];
        tensor.Read(0, all);
        return all;
    }

    public override void Read(long byteOffset, Span<byte> destination) =>
        bytes.AsSpan((int)byteOffset, destination.Length).CopyTo(destination);

    public override bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> span)
    {
        span = mapped ? bytes.AsSpan((int)byteOffset, length) : default;
        return mapped;
    }
}
