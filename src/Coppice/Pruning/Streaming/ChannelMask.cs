using Coppice.Tensors;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Streaming;

/// <summary>Prunes whole channels: every element whose index along one axis is marked.</summary>
public sealed class ChannelMask : WeightMask
{
    private readonly bool[] _pruned;
    private readonly long _inner;
    private readonly byte[] _rowLanes = [];

    /// <summary>A mask over the axis <paramref name="axis"/> of a weight.</summary>
    /// <param name="tensor">Type and shape of the weight.</param>
    /// <param name="semantics">What a pruned element becomes.</param>
    /// <param name="axis">Counted from the outermost, not negative.</param>
    /// <param name="pruned">One flag for each index along the axis.</param>
    public ChannelMask(TensorSpec tensor, PruneSemantics semantics, int axis, bool[] pruned) : base(tensor.DType, semantics)
    {
        if (tensor.Shape[axis] != pruned.Length)
            throw new ArgumentException($"{pruned.Length} flags for axis {axis} of {tensor}.", nameof(pruned));
        _pruned = pruned;
        _inner = tensor.Shape.CountBehind(axis);
        if (_inner == 1)
            _rowLanes = RowLanes(pruned, tensor.DType.ByteSize());
    }

    /// <summary>Indices of the pruned channels, ascending.</summary>
    public IReadOnlyList<int> PrunedChannels => [.. Enumerable.Range(0, _pruned.Length).Where(i => _pruned[i])];

    /// <inheritdoc/>
    public override long Apply(long firstElement, Span<byte> elements)
    {
        var size = DType.ByteSize();
        long total = 0;
        for (var index = firstElement; elements.Length > 0;)
        {
            var channel = index / _inner % _pruned.Length;
            // Along the innermost axis a whole row of channels goes at once.
            var left = _inner == 1 ? _pruned.Length - channel : _inner - index % _inner;
            var run = (int)Math.Min(left, elements.Length / size);
            var piece = elements[..(run * size)];
            if (_inner == 1)
                total += MaskKernels.ZeroLanes(piece, DType, _rowLanes.AsSpan((int)channel * size, piece.Length), KeepSign);
            else if (_pruned[channel])
                total += MaskKernels.ZeroAtMost(piece, DType, long.MaxValue >> (64 - DType.BitSize()), KeepSign);
            elements = elements[piece.Length..];
            index += run;
        }
        return total;
    }

    private static byte[] RowLanes(bool[] pruned, int size)
    {
        var lanes = new byte[pruned.Length * size];
        for (var i = 0; i < pruned.Length; i++)
            lanes.AsSpan(i * size, size).Fill(pruned[i] ? byte.MaxValue : byte.MinValue);
        return lanes;
    }
}
