using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>An F32 tensor in memory, to be ranked by what ranks the tensors of checkpoints.</summary>
internal sealed class LiveTensor(Tensor tensor) : TensorSource("", tensor.DType, tensor.Shape)
{
    /// <inheritdoc/>
    public override object Identity => tensor;

    /// <inheritdoc/>
    public override void Read(long byteOffset, Span<byte> destination) =>
        Bytes.Slice(checked((int)byteOffset), destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public override bool TryGetSpan(long byteOffset, int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = MemoryMarshal.AsBytes(tensor.AsReadOnlySpan<float>().Slice((int)(byteOffset / sizeof(float)), length / sizeof(float)));
        return true;
    }

    private ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(tensor.AsReadOnlySpan<float>());
}
