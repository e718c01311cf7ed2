using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>A tensor in memory.</summary>
internal sealed class MemoryTensor(string name, Tensor tensor) : TensorSource(name, tensor.DType, tensor.Shape)
{
    private readonly Tensor _contiguous = tensor.Contiguous();

    public override object Identity => tensor;

    public override void Read(long byteOffset, Span<byte> destination) =>
        _contiguous.ReadOnlyBytes(byteOffset, destination.Length).CopyTo(destination);

    public override bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = _contiguous.ReadOnlyBytes(byteOffset, length);
        return true;
    }
}
