using Coppice.Graphs;
using Coppice.Modules;

namespace Coppice.Pruning.Dependency;

/// <summary>Finds the indices of groups whose removal leaves of each tensor what a plan says.</summary>
internal sealed class PlannedRemoval
{
    private readonly Dictionary<string, PlannedTensor> _planned;

    public PlannedRemoval(DependencyGraph dependencies, StructuralPlan plan)
    {
        if (plan.Blocks is not null)
            throw new StructuralPlanException("The plan leaves out residual blocks, which are no channels: carry them out by themselves.");
        _planned = plan.Tensors.ToDictionary(tensor => tensor.Name);
        CheckShapes(dependencies.Graph);
        Removal = new(dependencies);
        foreach (var group in dependencies.Groups)
            if (group.Members.SelectMany(member => Gone(member, group)).Distinct().ToList() is { Count: > 0 } gone)
                Remove(group, gone);
        CheckResult(plan);
    }

    public Removal Removal { get; }

    private void CheckShapes(Graph graph)
    {
        var values = graph.Values.Where(value => value is ParameterValue or BufferValue).ToDictionary(value => value.Name);
        foreach (var tensor in _planned.Values)
            tensor.CheckShape(values.TryGetValue(tensor.Name, out var value) ? value.SampleShape : throw new StructuralPlanException(
                $"The plan is for another model: it cuts '{tensor.Name}', which this one has not."));
    }

    /// <summary>Indices of a group of which nothing is left on a member's axis.</summary>
    private IEnumerable<int> Gone(GroupMember member, PruningGroup group)
    {
        if (_planned.GetValueOrDefault(member.Value.Name)?.Axes.FirstOrDefault(axis => axis.Axis == member.Axis) is not { } planned)
            return [];
        var owners = member.OwnersOf(group);
        return owners.Where(owner => owner >= 0).Except(planned.Kept.Select(index => owners[index]));
    }

    private void Remove(PruningGroup group, List<int> gone)
    {
        if (gone.Count == group.Size)
            throw Other(group.Members[0].Value.Name);
        Removal.Remove(group, gone);
    }

    /// <summary>What else shrinks with it must be the plan's too.</summary>
    private void CheckResult(StructuralPlan plan)
    {
        var result = Removal.ToPlan(plan.Model).Tensors.ToDictionary(tensor => tensor.Name);
        foreach (var name in _planned.Keys.Concat(result.Keys))
            if (!_planned.TryGetValue(name, out var planned) || !result.TryGetValue(name, out var made) || !AreEqual(planned, made))
                throw Other(name);
    }

    private static bool AreEqual(PlannedTensor a, PlannedTensor b) => a.Axes.OrderBy(axis => axis.Axis).Zip(b.Axes)
        .All(pair => pair.First.Axis == pair.Second.Axis && pair.First.Kept.SequenceEqual(pair.Second.Kept)) && a.Axes.Count == b.Axes.Count;

    private static StructuralPlanException Other(string name) => new(
        $"The plan is for another model: what it leaves of '{name}' does not go with what it leaves of other tensors here.");
}
