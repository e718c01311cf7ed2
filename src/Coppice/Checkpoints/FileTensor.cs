using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>A tensor whose row-major bytes lie in one piece at an offset of a block.</summary>
internal sealed class FileTensor(string name, DType dtype, Shape shape, ByteBlock block, long start) : TensorSource(name, dtype, shape)
{
    // Equal for any two names of the same bytes, whatever their shapes: a reshaped tie is a tie.
    public override object Identity => (block, start, ByteLength, DType);

    public override void Read(long byteOffset, Span<byte> destination)
    {
        CheckRange(byteOffset, destination.Length);
        block.Read(start + byteOffset, destination);
    }

    internal override ReadOnlySpan<byte> View(long byteOffset, int length, Span<byte> scratch)
    {
        Read(byteOffset, scratch[..length]);
        return scratch[..length];
    }

    public override bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes)
    {
        CheckRange(byteOffset, length);
        bytes = block.Slice(start + byteOffset, length);
        return true;
    }
}
