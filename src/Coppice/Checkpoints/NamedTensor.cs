namespace Coppice.Checkpoints;

/// <summary>Another name for the memory of a tensor: the second name of a tie.</summary>
internal sealed class NamedTensor(string name, TensorSource source) : TensorSource(name, source.DType, source.Shape)
{
    public override object Identity => source.Identity;

    public override void Read(long byteOffset, Span<byte> destination) => source.Read(byteOffset, destination);

    public override bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes) =>
        source.TryGetSpan(byteOffset, length, out bytes);

    internal override ReadOnlySpan<byte> View(long byteOffset, int length, Span<byte> scratch) =>
        source.View(byteOffset, length, scratch);
}
