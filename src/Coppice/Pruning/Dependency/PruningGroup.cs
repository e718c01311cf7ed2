using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>Channels, heads or neurons that all members have: index k of the group is removed from all of them or from none.</summary>
public sealed class PruningGroup
{
    internal PruningGroup(int number, GroupKind kind, IReadOnlyList<Dim> leaves, IReadOnlyList<GroupMember> members) =>
        (Number, Kind, Leaves, Members) = (number, kind, leaves, members);

    /// <summary>Its number in <see cref="DependencyGraph.Groups"/>.</summary>
    public int Number { get; }

    /// <summary>What an index is.</summary>
    public GroupKind Kind { get; }

    /// <summary>How many indices it has.</summary>
    public int Size => Leaves.Count > 1 ? Leaves.Count : Leaves[0].Size;

    /// <summary>How many more indices its own axis has, which stay so that no axis loses all of its indices; ratios count them too.</summary>
    public int Fixed => Leaves[0].Whole?.Units.Count(unit => unit is { Binding: null, Pinned: DependencyGraph.OneStays }) ?? 0;

    /// <summary>The parameters' and buffers' axes that shrink with it.</summary>
    public IReadOnlyList<GroupMember> Members { get; }

    /// <summary>The normalisation whose statistics change when it shrinks; null where removing an index is exact.</summary>
    public string? Normalized => Leaves[0].Normalized;

    /// <summary>Which ops read which axes of how many members: equal for groups in the same places of repeated blocks.</summary>
    public string Pattern => string.Join(' ', Members.SelectMany(member => member.Readers, (member, reader) =>
        $"{reader.Op.Name}:{reader.Inputs.Index().First(input => input.Item == member.Value).Index}[{member.Axis}]")
        .Order(StringComparer.Ordinal).Prepend($"{Kind}"));

    /// <summary>One leaf, or several of one index each.</summary>
    internal IReadOnlyList<Dim> Leaves { get; }

    /// <summary>Parameters that index 0 has in all members.</summary>
    public long ParametersPerIndex => Members.Where(member => member.Value is ParameterValue)
        .Sum(member => member.OwnersOf(this).Count(owner => owner == 0) * (member.Value.SampleShape.Count / member.Value.SampleShape[member.Axis]));

    /// <summary>Form for people: <c>group 3: 64 of conv1.weight[0], bn1.weight[0], conv2.weight[1]</c>.</summary>
    public override string ToString() => $"group {Number}: {Size} of {string.Join(", ", Members)}";
}

/// <summary>An axis of a parameter or buffer that shrinks with a group.</summary>
public sealed class GroupMember
{
    internal GroupMember(Value value, int axis, Term term, IReadOnlyList<Node> readers) =>
        (Value, Axis, Term, Readers) = (value, axis, term, readers);

    /// <summary>The parameter or buffer in the graph.</summary>
    public Value Value { get; }

    /// <summary>The axis.</summary>
    public int Axis { get; }

    /// <summary>Nodes of the graph that read the value.</summary>
    public IReadOnlyList<Node> Readers { get; }

    internal Term Term { get; }

    /// <summary>For each index of the axis, the index of the group that it belongs to; -1 where it belongs to none.</summary>
    public int[] OwnersOf(PruningGroup group)
    {
        if (group.Leaves.Count == 1)
            return Term.OwnersIn(group.Leaves[0]);
        var owners = Enumerable.Repeat(-1, Term.Size).ToArray();
        foreach (var (number, unit) in group.Leaves.Index())
            foreach (var (index, owner) in Term.OwnersIn(unit).Index())
                if (owner >= 0)
                    owners[index] = number;
        return owners;
    }

    /// <summary>Form for people: <c>conv1.weight[0]</c>, with what the axis is made of where that is more than the group.</summary>
    public override string ToString() => $"{Value.Name}[{Axis}]{(Term is Dim ? "" : $" = {Term}")}";
}
