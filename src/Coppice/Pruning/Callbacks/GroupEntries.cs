using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning.Dependency;

namespace Coppice.Pruning.Callbacks;

/// <summary>The entries of parameters that the indices of a group own, while a model trains.</summary>
internal sealed class GroupEntries
{
    private readonly List<(Parameter Parameter, int[] Owners, int Inner)> _members = [];

    public GroupEntries(PruningGroup group)
    {
        Size = group.Size;
        foreach (var member in group.Members)
            if (member.Value is ParameterValue { SampleShape: var shape } value)
                _members.Add((value.Parameter, member.OwnersOf(group), (int)shape.CountBehind(member.Axis)));
        Each = _members.Sum(member => member.Owners.Count(owner => owner == 0) * (member.Parameter.Shape.Count / member.Owners.Length));
    }

    /// <summary>How many indices the group has.</summary>
    public int Size { get; }

    /// <summary>Entries of an index.</summary>
    public long Each { get; }

    /// <summary>The sum of squares of each index's entries.</summary>
    public double[] Squares()
    {
        var sums = new double[Size];
        foreach (var (parameter, owners, inner) in _members)
        {
            var values = parameter.Value.AsReadOnlySpan<float>();
            for (var i = 0; i < values.Length; i++)
                if (owners[i / inner % owners.Length] is >= 0 and var owner)
                    sums[owner] += (double)values[i] * values[i];
        }
        return sums;
    }

    /// <summary>Adds to each entry's gradient its value times a factor of its index.</summary>
    public void AddToGradients(double[] factors)
    {
        foreach (var (parameter, owners, inner) in _members)
            if (parameter.Gradient is { } gradient)
            {
                var values = parameter.Value.AsReadOnlySpan<float>();
                var gradients = gradient.AsSpan<float>();
                for (var i = 0; i < gradients.Length; i++)
                    if (owners[i / inner % owners.Length] is >= 0 and var owner)
                        gradients[i] += (float)(factors[owner] * values[i]);
            }
    }
}
