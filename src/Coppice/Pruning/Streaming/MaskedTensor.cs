using System.Buffers;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Pruning.Streaming;

/// <summary>A tensor as it is after pruning: each piece that is read is masked on the way.</summary>
public sealed class MaskedTensor(TensorSource source, WeightMask mask) : TensorSource(source.Name, source.DType, source.Shape)
{
    /// <summary>The tensor before pruning.</summary>
    public TensorSource Source { get; } = source;

    /// <summary>What is pruned.</summary>
    public WeightMask Mask { get; } = mask;

    /// <summary>Tied tensors stay tied when they share one mask.</summary>
    public override object Identity => (Source.Identity, Mask);

    /// <inheritdoc/>
    public override void Read(long byteOffset, Span<byte> destination)
    {
        var size = DType.ByteSize();
        var skip = (int)(byteOffset % size);
        if (skip == 0 && destination.Length % size == 0)
        {
            Source.Read(byteOffset, destination);
            Mask.Apply(byteOffset / size, destination);
            return;
        }
        // A piece that cuts elements in two: mask the whole elements around it.
        var start = byteOffset - skip;
        var length = skip + destination.Length;
        length += (size - length % size) % size;
        var whole = ArrayPool<byte>.Shared.Rent(length);
        Source.Read(start, whole.AsSpan(0, length));
        Mask.Apply(start / size, whole.AsSpan(0, length));
        whole.AsSpan(skip, destination.Length).CopyTo(destination);
        ArrayPool<byte>.Shared.Return(whole);
    }
}
