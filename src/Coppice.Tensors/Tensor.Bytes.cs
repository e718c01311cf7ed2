namespace Coppice.Tensors;

public sealed partial class Tensor
{
    /// <summary>Bytes of a contiguous tensor's row-major elements, to read; for tensors of any size and type.</summary>
    /// <exception cref="InvalidOperationException">The tensor is a strided view.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public unsafe ReadOnlySpan<byte> ReadOnlyBytes(long byteOffset, int length) => new(BytePointer(byteOffset, length), length);

    /// <summary>Bytes of a contiguous tensor's row-major elements, to read and write.</summary>
    /// <inheritdoc cref="ReadOnlyBytes"/>
    public unsafe Span<byte> Bytes(long byteOffset, int length)
    {
        Storage.MarkWritten();
        return new(BytePointer(byteOffset, length), length);
    }

    private unsafe byte* BytePointer(long byteOffset, int length)
    {
        var size = DType.ByteSize();
        if (!IsContiguous)
            throw new InvalidOperationException($"{this} is a strided view; call Contiguous() first.");
        if (byteOffset < 0 || length < 0 || byteOffset > Count * size - length)
            throw new ArgumentOutOfRangeException(nameof(byteOffset), $"Bytes {byteOffset}..{byteOffset}+{length} are not within {this}.");
        return Storage.Pointer + Offset * size + byteOffset;
    }
}
