using System.Globalization;

namespace Coppice.Models;

/// <summary><c>pruned_heads</c> of config.json, which Hugging Face applies before it loads weights: by layer, heads that are gone.</summary>
internal static class PrunedHeads
{
    /// <summary>The heads that a layer still has, by their numbers before any was removed.</summary>
    public static IReadOnlyList<int> Left(IReadOnlyDictionary<string, IReadOnlyList<int>>? pruned, int layer, int heads) =>
        pruned?.GetValueOrDefault(layer.ToString(CultureInfo.InvariantCulture)) is { } gone
            ? [.. Enumerable.Range(0, heads).Except(gone)]
            : [.. Enumerable.Range(0, heads)];

    /// <summary>Heads of all layers.</summary>
    public static long Sum(IReadOnlyDictionary<string, IReadOnlyList<int>>? pruned, int layers, int heads) =>
        (long)layers * heads - (pruned?.Values.Sum(gone => gone.Count) ?? 0);

    /// <summary>Requires layers and heads that are there, each once, and a head left in each.</summary>
    public static void Check(IReadOnlyDictionary<string, IReadOnlyList<int>>? pruned, int layers, int heads)
    {
        foreach (var (layer, gone) in pruned ?? new Dictionary<string, IReadOnlyList<int>>())
            if (!int.TryParse(layer, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number >= layers
                || layer != number.ToString(CultureInfo.InvariantCulture) || gone.Count >= heads
                || gone.Distinct().Count() != gone.Count || gone.Any(head => (uint)head >= (uint)heads))
                throw new ArgumentException($"pruned_heads says [{string.Join(", ", gone)}] of layer '{layer}'; there are {layers} layers of "
                    + $"{heads} heads, and each must keep one.");
    }
}
