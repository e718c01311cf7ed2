using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>Which indices of which groups go.</summary>
public sealed class Removal
{
    private readonly Dictionary<Dim, bool[]> _kept = [];
    private readonly DependencyGraph _dependencies;

    /// <summary>Nothing removed yet.</summary>
    public Removal(DependencyGraph dependencies) => _dependencies = dependencies;

    /// <summary>Whether nothing is removed.</summary>
    public bool IsEmpty => _kept.Values.All(kept => Array.TrueForAll(kept, keep => keep));

    /// <summary>Normalisations whose statistics change.</summary>
    public IReadOnlyList<string> Normalized => [.. _kept.Keys.Select(leaf => leaf.Normalized).OfType<string>().Distinct()];

    /// <summary>Removes indices of a group, on top of those before.</summary>
    /// <exception cref="PruningException">An index is out of range, or none would be left.</exception>
    public void Remove(PruningGroup group, IEnumerable<int> indices)
    {
        var kept = _kept.TryGetValue(group.Leaf, out var before) ? (bool[])before.Clone() : [.. Enumerable.Repeat(true, group.Size)];
        foreach (var index in indices)
        {
            if ((uint)index >= (uint)kept.Length)
                throw new PruningException($"{group} has no index {index}.");
            kept[index] = false;
        }
        if (!Array.Exists(kept, keep => keep))
            throw new PruningException($"Nothing would be left of {group}: keep at least one index.");
        _kept[group.Leaf] = kept;
    }

    /// <summary>The indices of a group that stay, ascending.</summary>
    public int[] KeptOf(PruningGroup group) => Indices(KeptOf(group.Leaf));

    /// <summary>The indices of an axis that stay, ascending; null where all do.</summary>
    internal int[]? KeptOf(Value value, int axis)
    {
        var term = _dependencies.TermsOf(value)[axis];
        return IsUntouched(term) ? null : Indices(KeptOf(term));
    }

    /// <summary>How many indices of an axis stay.</summary>
    internal int SizeOf(Term term)
    {
        term = term.Resolve();
        return IsUntouched(term) ? term.Size : KeptOf(term).Count(keep => keep);
    }

    /// <summary>The shape that a value gets.</summary>
    internal Shape ShapeOf(Value value) => Shape.Create([.. _dependencies.TermsOf(value).Select(SizeOf)]);

    private bool IsUntouched(Term term) => !term.Leaves().Any(_kept.ContainsKey);

    private bool[] KeptOf(Term term) => term.Kept(_kept.GetValueOrDefault);

    private static int[] Indices(bool[] kept) => [.. kept.Index().Where(entry => entry.Item).Select(entry => entry.Index)];
}
