using Coppice.Checkpoints;

namespace Coppice.Onnx;

/// <summary>The bytes of a tensor that may be computed as they are read.</summary>
internal sealed class SourceBlock(TensorSource source) : ByteBlock
{
    public override long Length => source.ByteLength;

    public override ReadOnlySpan<byte> Slice(long offset, int length) => source.View(offset, length, new byte[length]);

    public override void Read(long offset, Span<byte> destination) => source.Read(offset, destination);
}
