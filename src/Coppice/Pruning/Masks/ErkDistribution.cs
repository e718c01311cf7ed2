using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Shares a number of weights out to layers as Erdős-Rényi-Kernel does (Evci et al., "Rigging the lottery", 2020).</summary>
/// <remarks>
/// A layer's density is proportional to the sum of its axis sizes over their product, so what it keeps is proportional to that sum; a layer
/// that would keep more than it has keeps all, and the others share the rest.
/// </remarks>
public static class ErkDistribution
{
    /// <summary>How many entries each layer keeps: <paramref name="keep"/> in all, none more than it has.</summary>
    /// <param name="layers">Each layer's shape and the entries it has left.</param>
    /// <param name="keep">From 0 to the entries of all layers.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="keep"/> is out of range.</exception>
    public static long[] Keep(IReadOnlyList<(Shape Shape, long Remaining)> layers, long keep)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keep, layers.Sum(layer => layer.Remaining));
        var parts = layers.Select(layer => Math.Max(1.0, layer.Shape.Sum(dim => (double)dim))).ToArray();
        var exact = new double[layers.Count];
        // Layers fill up in the order of entries per part; from the first that does not, all are in proportion.
        var order = Enumerable.Range(0, parts.Length).OrderBy(i => layers[i].Remaining / parts[i]).ToArray();
        var (left, partsLeft) = ((double)keep, parts.Sum());
        foreach (var i in order)
        {
            exact[i] = Math.Min(layers[i].Remaining, left * parts[i] / partsLeft);
            left -= exact[i];
            partsLeft -= parts[i];
        }
        return Round(exact, layers, keep);
    }

    /// <summary>Whole numbers with the same sum: rounded down, then one more each by largest remainder.</summary>
    private static long[] Round(double[] exact, IReadOnlyList<(Shape Shape, long Remaining)> layers, long keep)
    {
        var whole = Array.ConvertAll(exact, value => (long)value);
        var missing = keep - whole.Sum();
        var order = Enumerable.Range(0, exact.Length).OrderByDescending(i => exact[i] - whole[i]).ToArray();
        while (missing > 0)
            foreach (var i in order)
                if (missing > 0 && whole[i] < layers[i].Remaining)
                {
                    whole[i]++;
                    missing--;
                }
        return whole;
    }
}
