using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>
/// Prunes the remaining entries of smallest |score| within each channel, so that every output keeps its share (as Wanda compares; Sun et
/// al. 2023).
/// </summary>
/// <remarks>Equal magnitudes go by lowest flat index.</remarks>
/// <param name="amount">Of the remaining entries of each channel.</param>
/// <param name="dim">
/// The axis of the outputs: 0 for Linear [out, in] and convolutions, 1 for GPT-2's Conv1D [in, out]; negative counts from the end.
/// </param>
public sealed class PerOutputUnstructured(PruneAmount amount, int dim = 0) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Global;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var axis = Channels.Axis(scores.Shape, dim, Target);
        var channels = new Channels(scores.Shape, axis);
        var values = scores.ToArray<float>();
        var mask = defaultMask.AsSpan<float>();
        var remaining = new List<int>[channels.Count];
        for (var c = 0; c < remaining.Length; c++)
            remaining[c] = [];
        for (var i = 0; i < values.Length; i++)
            if (mask[i] != 0)
                remaining[channels.Of(i)].Add(i);
        for (var c = 0; c < remaining.Length; c++)
        {
            var entries = remaining[c];
            var count = amount.Of(entries.Count, $"remaining weights of {Target} in channel {c} of axis {axis}");
            var marked = Lowest.Of([.. entries.Select(i => (double)Math.Abs(values[i]))], count);
            for (var i = 0; i < marked.Length; i++)
                if (marked[i])
                    mask[entries[i]] = 0;
        }
        return defaultMask;
    }
}
