using Coppice.Pruning.Importance;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>Keeps the n largest magnitudes of every m consecutive weights along the reduction axis (Mishra et al., "Accelerating sparse
/// deep neural networks", 2021).</summary>
/// <remarks>
/// Linear [out, in] and convolution [out, in * kh * kw] are grouped along a row, Hugging Face's Conv1D [in, out] along a column. Of equal
/// magnitudes the lowest
/// index is pruned first.
/// </remarks>
/// <param name="Kept">n, at least 1 and less than m.</param>
/// <param name="Of">m, at most 64; must divide the reduction axis.</param>
public sealed record NmPruning(int Kept, int Of) : PruningMethod
{
    private const int LargestWindow = 1 << 26;

    /// <inheritdoc/>
    public override MethodOptions Options => new("l1", $"{Kept}:{Of}");

    /// <inheritdoc/>
    public override bool TakesAmount => false;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        NmPattern.Require(Kept, Of);
        return [.. task.Weights.Select(weight => Mask(weight, task.Semantics))];
    }

    private WindowMask Mask(SelectedWeight weight, PruneSemantics semantics)
    {
        var view = MatrixView.Of(weight, this);
        if (view.Inputs % Of != 0)
            throw new PruningException($"'{weight.Name}' {weight.Source.Shape} has {view.Inputs} inputs, "
                + $"which is no multiple of {Of}; exclude it.");
        var (stride, window) = view.InputMajor ? (view.Columns, (long)Of * view.Columns) : (1, Of);
        if (window > LargestWindow)
            throw new PruningException($"'{weight.Name}' {weight.Source.Shape} has rows too long to hold {Of} of them at once; "
                + "exclude it.");
        var size = weight.Source.DType.ByteSize();
        return new WindowMask(weight.Source, semantics, (int)window, (elements, lanes) => MarkSmallest(elements, lanes, size, stride));
    }

    /// <summary>Marks, in one window of <paramref name="stride"/> interleaved groups, what is not kept.</summary>
    private void MarkSmallest(ReadOnlySpan<byte> elements, Span<byte> lanes, int size, int stride)
    {
        Span<long> keys = stackalloc long[Of];
        for (var group = 0; group < stride; group++)
        {
            for (var i = 0; i < Of; i++)
                keys[i] = MagnitudeKeys.Of(elements.Slice((group + i * stride) * size, size));
            for (var i = 0; i < Of; i++)
                lanes.Slice((group + i * stride) * size, size).Fill(Rank(keys, i) < Of - Kept ? byte.MaxValue : byte.MinValue);
        }
    }

    private static int Rank(ReadOnlySpan<long> keys, int index)
    {
        var smaller = 0;
        for (var i = 0; i < keys.Length; i++)
            smaller += keys[i] < keys[index] || (keys[i] == keys[index] && i < index) ? 1 : 0;
        return smaller;
    }
}
