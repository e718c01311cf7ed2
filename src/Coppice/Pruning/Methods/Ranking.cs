using Coppice.Pruning.Importance;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Methods;

/// <summary>What unstructured methods share: rank elements by key, prune the k smallest of each weight or of all.</summary>
internal static class Ranking
{
    /// <summary>Masks from ranking keys.</summary>
    /// <param name="task">Weights and target.</param>
    /// <param name="rank">Keys, all of one width, for weights that are ranked together, and the place in scope of the first.</param>
    /// <param name="mask">The mask of a weight from its keys and their limit.</param>
    public static IReadOnlyList<WeightMask> ComputeMasks(
        PruneTask task,
        Func<IReadOnlyList<SelectedWeight>, int, IReadOnlyList<KeySource>> rank,
        Func<SelectedWeight, KeySource, KeyLimit, WeightMask> mask)
    {
        var groups = task.Scope == PruneScope.Global ? [task.Weights]
            : task.Weights.Select(weight => (IReadOnlyList<SelectedWeight>)[weight]);
        var masks = new List<WeightMask>();
        foreach (var group in groups)
        {
            var (amount, of) = task.Scope == PruneScope.Global ? (task.AmountOfAll, "weights in scope")
                : (task.AmountOf(group[0]), $"weights of '{group[0].Name}'");
            var count = amount.Of(group.Sum(weight => weight.Source.Count), of);
            if (count == 0)
            {
                masks.AddRange(group.Select(weight => new KeepAllMask(weight.Source.DType, task.Semantics)));
                continue;
            }
            var keys = rank(group, masks.Count);
            var limits = KthKey.Find(keys, count);
            masks.AddRange(group.Select((weight, i) => mask(weight, keys[i], limits[i])));
        }
        return masks;
    }
}
