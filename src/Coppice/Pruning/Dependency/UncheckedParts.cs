using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>What of a computation no comparison of outputs can see, because it has no entries on the inputs compared on: a pyramid's level
/// without boxes, and all that follows it.</summary>
internal static class UncheckedParts
{
    /// <summary>Outputs without entries, and nodes that read what is cut but give entries to no output.</summary>
    /// <param name="graph">The computation.</param>
    /// <param name="isCut">Whether a value loses entries.</param>
    /// <returns>Names for people.</returns>
    public static IReadOnlyList<string> Of(Graph graph, Predicate<Value> isCut)
    {
        var seen = graph.Outputs.Select(output => output.Value).Where(HasEntries).ToHashSet();
        var unseen = new List<string>();
        foreach (var node in graph.Nodes.Reverse())
            if (node.Outputs.Any(seen.Contains))
                seen.UnionWith(node.Inputs.Where(HasEntries));
            else if (node.Inputs.Any(input => HasEntries(input) && isCut(input)))
                unseen.Insert(0, Coupling.NameOf(node));
        return [.. unseen.Distinct(), .. graph.Outputs.Where(output => !HasEntries(output.Value)).Select(output => $"output '{output.Name}'")];
    }

    private static bool HasEntries(Value value) => value.SampleShape.Count > 0;
}
