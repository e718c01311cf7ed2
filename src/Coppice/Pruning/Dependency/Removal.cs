using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Dependency;

/// <summary>Which indices of which groups go.</summary>
public sealed class Removal
{
    private readonly Dictionary<Dim, bool[]> _kept = [];
    private readonly DependencyGraph _dependencies;

    /// <summary>Nothing removed yet.</summary>
    public Removal(DependencyGraph dependencies) => _dependencies = dependencies;

    /// <summary>What a plan removes, on a model of the kind that it was made for: names and shapes of its tensors must be the plan's.</summary>
    /// <param name="dependencies">What depends on what in the model.</param>
    /// <param name="plan">What stays.</param>
    /// <exception cref="StructuralPlanException">The plan is for another model, or was carried out already: the message names the first tensor
    /// that differs.</exception>
    public static Removal Of(DependencyGraph dependencies, StructuralPlan plan) => new PlannedRemoval(dependencies, plan).Removal;

    /// <summary>Whether nothing is removed.</summary>
    public bool IsEmpty => _kept.Values.All(kept => Array.TrueForAll(kept, keep => keep));

    /// <summary>Normalisations whose statistics change.</summary>
    public IReadOnlyList<string> Normalized => [.. _kept.Keys.Select(leaf => leaf.Normalized).OfType<string>().Distinct()];

    /// <summary>What a comparison of outputs on inputs of the graph's sizes can't see.</summary>
    internal IReadOnlyList<string> Unchecked => UncheckedParts.Of(_dependencies.Graph,
        value => _dependencies.TermsOf(value).Any(term => !IsUntouched(term)));

    /// <summary>Removes indices of a group, on top of those before.</summary>
    /// <exception cref="PruningException">An index is out of range, or none would be left.</exception>
    public void Remove(PruningGroup group, IEnumerable<int> indices)
    {
        bool[] kept = [.. group.Leaves.SelectMany(leaf => KeptOf(leaf))];
        foreach (var index in indices)
        {
            if ((uint)index >= (uint)kept.Length)
                throw new PruningException($"{group} has no index {index}.");
            kept[index] = false;
        }
        if (!Array.Exists(kept, keep => keep))
            throw new PruningException($"Nothing would be left of {group}: keep at least one index.");
        var start = 0;
        foreach (var leaf in group.Leaves)
            if (kept[start..(start += leaf.Size)] is var left && Array.Exists(left, keep => !keep))
                _kept[leaf] = left;
    }

    /// <summary>The indices of a group that stay, ascending.</summary>
    public int[] KeptOf(PruningGroup group) => Indices([.. group.Leaves.SelectMany(leaf => KeptOf(leaf))]);

    /// <summary>The removal put down by names, to be carried out on other models of the kind.</summary>
    /// <param name="model">Kind of model.</param>
    public StructuralPlan ToPlan(string model)
    {
        var tensors = new List<PlannedTensor>();
        foreach (var value in _dependencies.Graph.Values)
            if (value is ParameterValue or BufferValue)
            {
                PlannedAxis[] axes = [.. Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (Axis: axis, Kept: KeptOf(value, axis)))
                    .Where(entry => entry.Kept is not null).Select(entry => new PlannedAxis(entry.Axis, entry.Kept!))];
                if (axes.Length > 0)
                    tensors.Add(new(value.Name, [.. value.SampleShape], axes));
            }
        return new(StructuralPlan.CurrentVersion, model, tensors, [.. Paddings()], []);
    }

    /// <summary>What <see cref="ChannelPadding"/> layers come to add.</summary>
    private IEnumerable<PlannedPadding> Paddings()
    {
        var modules = _dependencies.Graph.State.NamedModules().ToDictionary(entry => entry.Name, entry => entry.Module);
        foreach (var node in _dependencies.Graph.Nodes)
            if (node.Op is Pad pad && modules.GetValueOrDefault(node.Layer) is ChannelPadding)
            {
                var sizes = _dependencies.CouplingOf(node).Sizes;
                var (from, to) = (new PaddedChannels(pad.Before, pad.After), new PaddedChannels(SizeOf(sizes[0]), SizeOf(sizes[1])));
                if (from != to)
                    yield return new(node.Layer, from, to);
            }
    }

    /// <summary>The indices of an axis that stay, ascending; null where all do.</summary>
    internal int[]? KeptOf(Value value, int axis)
    {
        var term = _dependencies.TermsOf(value)[axis];
        return IsUntouched(term) ? null : Indices(KeptOf(term));
    }

    /// <summary>What constant positions along an axis become: those that stay, counted anew; null where nothing of the axis goes.</summary>
    internal Tensor? Renumbered(Value positions, Value value, int axis)
    {
        if (positions is not StoredValue { Tensor: var tensor } || KeptOf(value, axis) is not { } kept)
            return null;
        var place = kept.Index().ToDictionary(entry => (long)entry.Item, entry => (long)entry.Index);
        var size = value.SampleShape[axis];
        long[] left = [.. tensor.ToArray<long>().Select(index => index < 0 ? index + size : index).Where(place.ContainsKey)
            .Select(index => place[index])];
        return Tensor.From<long>(left, tensor.Shape.Rank == 0 ? [] : [left.Length]);
    }

    /// <summary>What is left of a parameter or buffer, as it is now.</summary>
    internal Tensor Cut(StoredValue value) => Cut(value, value.Tensor);

    /// <summary>What is left of other contents of a parameter or buffer.</summary>
    internal Tensor Cut(Value value, Tensor tensor)
    {
        for (var axis = 0; axis < value.SampleShape.Rank; axis++)
            if (KeptOf(value, axis) is { } kept)
                tensor = AxisSelection.Select(tensor, axis, kept);
        return tensor;
    }

    /// <summary>How many indices of an axis stay.</summary>
    internal int SizeOf(Term term)
    {
        term = term.Resolve();
        return IsUntouched(term) ? term.Size : KeptOf(term).Count(keep => keep);
    }

    /// <summary>How many entries of a value are left.</summary>
    public long CountOf(Value value) => ShapeOf(value).Count;

    /// <summary>The shape that a value gets.</summary>
    internal Shape ShapeOf(Value value) => Shape.Create([.. _dependencies.TermsOf(value).Select(SizeOf)]);

    private bool IsUntouched(Term term) => !term.Leaves().Any(_kept.ContainsKey);

    private bool[] KeptOf(Term term) => term.Kept(_kept.GetValueOrDefault);

    private static int[] Indices(bool[] kept) => [.. kept.Index().Where(entry => entry.Item).Select(entry => entry.Index)];
}
