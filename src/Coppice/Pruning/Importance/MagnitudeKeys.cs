using System.Buffers.Binary;
using Coppice.Checkpoints;
using Coppice.Pruning.Streaming;
using Coppice.Tensors.Kernels;
using Coppice.Tensors;

namespace Coppice.Pruning.Importance;

/// <summary>Ranks weights by |w|: the keys are the weights' own bits, or those of the wider type that weights of several types are ranked
/// in.</summary>
internal sealed class MagnitudeKeys(TensorSource source, DType rankedAs) : KeySource(source.Count, rankedAs.ByteSize())
{
    /// <summary>The narrowest type that holds the values of all these tensors exactly.</summary>
    public static DType CommonType(IEnumerable<DType> dtypes)
    {
        var distinct = dtypes.Distinct().ToList();
        if (distinct.Count == 1)
            return distinct[0];
        return distinct.Contains(DType.F64) ? DType.F64 : DType.F32;
    }

    /// <summary>A key of one type as a key of another that holds its value exactly.</summary>
    public static long Widen(DType dtype, long key, DType wide)
    {
        var value = MaskKernels.KeyToMagnitude(dtype, key);
        var bits = wide == DType.F64 ? BitConverter.DoubleToInt64Bits(value) : BitConverter.SingleToInt32Bits((float)value);
        return bits & (wide == DType.F64 ? long.MaxValue : int.MaxValue);
    }

    /// <inheritdoc/>
    public override bool ReadsAnywhere => true;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch)
    {
        if (source.DType == rankedAs)
            return source.Elements(first, count, scratch);
        using var lease = TensorChunks.Rent();
        var elements = source.Elements(first, count, lease.Buffer);
        var size = source.DType.ByteSize();
        for (var i = 0; i < count; i++)
            WriteKey(scratch[(i * Width)..], Widen(source.DType, Of(elements.Slice(i * size, size)), rankedAs));
        return scratch[..(count * Width)];
    }

    /// <summary>The key of one element of 2, 4 or 8 bytes: its bits without the sign.</summary>
    public static long Of(ReadOnlySpan<byte> element) => element.Length switch
    {
        sizeof(short) => BinaryPrimitives.ReadInt16LittleEndian(element) & short.MaxValue,
        sizeof(int) => BinaryPrimitives.ReadInt32LittleEndian(element) & int.MaxValue,
        _ => BinaryPrimitives.ReadInt64LittleEndian(element) & long.MaxValue,
    };

    private void WriteKey(Span<byte> target, long key)
    {
        if (Width == sizeof(int))
            BinaryPrimitives.WriteInt32LittleEndian(target, (int)key);
        else
            BinaryPrimitives.WriteInt64LittleEndian(target, key);
    }
}
