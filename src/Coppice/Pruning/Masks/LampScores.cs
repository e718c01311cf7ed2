using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Layer-adaptive magnitude scores: w² over the sum of w² of all entries of the layer that are at least as large.</summary>
/// <remarks>
/// Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", 2021. Comparable between layers: one global ranking gives each
/// its own sparsity; a layer's largest entry scores 1.
/// </remarks>
public static class LampScores
{
    /// <summary>
    /// The scores of one layer's values, of their shape; sums are in double precision, equal magnitudes ranked by flat index.
    /// </summary>
    /// <remarks>
    /// Infinite and NaN values score their square and are left out of the sums; so zeros of a layer without others score 0.
    /// </remarks>
    public static Tensor Compute(Tensor weights)
    {
        var values = weights.ToArray<float>();
        var order = new long[values.Length];
        for (var i = 0; i < order.Length; i++)
            order[i] = ((long)(BitConverter.SingleToInt32Bits(values[i]) & int.MaxValue) << 32) | (uint)i;
        Array.Sort(order);
        var scores = Tensor.Empty(weights.Shape);
        var result = scores.AsSpan<float>();
        var sum = 0.0;
        for (var rank = order.Length - 1; rank >= 0; rank--)
        {
            var index = (int)(uint)order[rank];
            var square = (double)values[index] * values[index];
            if (!double.IsFinite(square))
            {
                result[index] = (float)square;
                continue;
            }
            sum += square;
            result[index] = sum == 0 ? 0 : (float)(square / sum);
        }
        return scores;
    }
}
