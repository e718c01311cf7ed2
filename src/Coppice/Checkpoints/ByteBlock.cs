using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>Bytes that tensors lie in: a range of a mapped file, or an inflated archive entry.</summary>
internal abstract class ByteBlock
{
    public abstract long Length { get; }

    /// <summary>Looks at bytes in place.</summary>
    public abstract ReadOnlySpan<byte> Slice(long offset, int length);

    /// <summary>Copies bytes.</summary>
    public virtual void Read(long offset, Span<byte> destination) => Slice(offset, destination.Length).CopyTo(destination);
}

/// <summary>A range of a mapped file.</summary>
internal sealed class MappedBlock(MappedFile file, long start, long length) : ByteBlock
{
    public override long Length => length;

    public override ReadOnlySpan<byte> Slice(long offset, int count) => file.Slice(Place(offset, count), count);

    public override void Read(long offset, Span<byte> destination) => file.Read(Place(offset, destination.Length), destination);

    private long Place(long offset, int count) => offset >= 0 && count >= 0 && offset <= length - count
        ? start + offset
        : throw new ArgumentOutOfRangeException(nameof(offset));
}
