using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>A mask that is itself stored as a tensor: prunes where it is 0.</summary>
/// <remarks>Elements under any other number than 0 and 1, which torch's custom masks may hold, are multiplied by it in the weight's
/// type.</remarks>
internal sealed class StoredMask(DType dtype, PruneSemantics semantics, TensorSource mask) : WeightMask(dtype, semantics)
{
    private const int Step = 1 << 14;

    /// <summary>Whether a mask may be of this type.</summary>
    public static bool Supports(DType dtype) => FloatConversion.Supports(dtype)
        || dtype is DType.Bool or DType.U8 or DType.I8 or DType.I32 or DType.I64;

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        var bytes = ArrayPool<byte>.Shared.Rent(Step * (mask.DType.ByteSize() + size));
        var factors = ArrayPool<double>.Shared.Rent(Step);
        long pruned = 0;
        for (var done = 0; done < elements.Length / size; done += Step)
        {
            var count = Math.Min(Step, elements.Length / size - done);
            Decode(mask.Elements(firstElement + done, count, bytes), mask.DType, factors);
            var lanes = bytes.AsSpan(Step * mask.DType.ByteSize(), count * size);
            pruned += Multiply(elements.Slice(done * size, count * size), factors.AsSpan(0, count), lanes);
        }
        ArrayPool<double>.Shared.Return(factors);
        ArrayPool<byte>.Shared.Return(bytes);
        return pruned;
    }

    private long Multiply(Span<byte> elements, ReadOnlySpan<double> factors, Span<byte> lanes)
    {
        var size = DType.ByteSize();
        for (var i = 0; i < factors.Length; i++)
        {
            lanes.Slice(i * size, size).Fill(factors[i] == 0 ? byte.MaxValue : byte.MinValue);
            if (factors[i] is not (0 or 1))
                Scale(elements, i, factors[i]);
        }
        return MaskKernels.ZeroLanes(elements, DType, lanes, KeepSign);
    }

    private void Scale(Span<byte> elements, int index, double factor)
    {
        switch (DType)
        {
            case DType.F32: MemoryMarshal.Cast<byte, float>(elements)[index] *= (float)factor; break;
            case DType.F64: MemoryMarshal.Cast<byte, double>(elements)[index] *= factor; break;
            case DType.F16: MemoryMarshal.Cast<byte, Half>(elements)[index] *= (Half)factor; break;
            default: ScaleBFloat16(elements.Slice(index * sizeof(ushort), sizeof(ushort)), (float)factor); break;
        }
    }

    private static void ScaleBFloat16(Span<byte> element, float factor)
    {
        Span<float> operands = [0, factor];
        var value = MemoryMarshal.AsBytes(operands[..1]);
        var rounded = MemoryMarshal.AsBytes(operands[1..]);
        Span<byte> narrow = stackalloc byte[sizeof(ushort)];
        FloatConversion.Convert(DType.F32, rounded, DType.BF16, narrow);
        FloatConversion.Convert(DType.BF16, narrow, DType.F32, rounded);
        FloatConversion.Convert(DType.BF16, element, DType.F32, value);
        operands[0] *= operands[1];
        FloatConversion.Convert(DType.F32, value, DType.BF16, element);
    }

    private static void Decode(ReadOnlySpan<byte> bytes, DType dtype, double[] factors)
    {
        switch (dtype)
        {
            case DType.F32: Decode<float>(bytes, factors); break;
            case DType.F64: Decode<double>(bytes, factors); break;
            case DType.F16: Decode<Half>(bytes, factors); break;
            case DType.BF16:
                FloatConversion.Convert(dtype, bytes, DType.F64, MemoryMarshal.AsBytes(factors.AsSpan(0, bytes.Length / sizeof(ushort))));
                break;
            case DType.I64: Decode<long>(bytes, factors); break;
            case DType.I32: Decode<int>(bytes, factors); break;
            case DType.I8: Decode<sbyte>(bytes, factors); break;
            default: Decode<byte>(bytes, factors); break;
        }
    }

    private static void Decode<T>(ReadOnlySpan<byte> bytes, double[] factors) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, T>(bytes), factors);
}
