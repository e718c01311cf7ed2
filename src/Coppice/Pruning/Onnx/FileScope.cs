using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Onnx.Operators;

namespace Coppice.Pruning.Onnx;

/// <summary>A graph of a file: its main one, or a branch or body in another.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Path">What the names of its values are prefixed with in a trace; empty for the main graph.</param>
/// <param name="Outer">The graph around it.</param>
internal sealed record FileScope(GraphProto Graph, string Path = "", FileScope? Outer = null)
{
    /// <summary>The subgraphs of its nodes.</summary>
    public IEnumerable<FileScope> Inner() =>
        from node in Graph.Nodes
        from attribute in node.Attributes
        where attribute.Graph is not null
        select new FileScope(attribute.Graph!, ValueScope.PathOf(Path, node, attribute.Name ?? ""), this);

    /// <summary>It and the graphs around it, from the innermost.</summary>
    public IEnumerable<FileScope> Chain() => Outer is null ? [this] : Outer.Chain().Prepend(this);

    /// <summary>It and all graphs in it.</summary>
    public IEnumerable<FileScope> All() => Inner().SelectMany(inner => inner.All()).Prepend(this);
}

/// <summary>The values of an analysed graph by their names in the file.</summary>
/// <param name="values">Values of floats by path and name.</param>
/// <param name="numbers">Small tensors of whole numbers by path and name, as they are for the example inputs.</param>
/// <param name="seen">Path and name of all that was computed.</param>
internal sealed class FileValues(Dictionary<string, Value> values, Dictionary<string, long[]> numbers, HashSet<string> seen)
{
    /// <summary>Operators that do with a smaller axis what they did with the whole one.</summary>
    private static readonly string?[] AnySize = ["Identity", "Cast", "Squeeze", "Unsqueeze", "Constant"];

    /// <summary>The value that a name stands for in a graph; null where it is no float, or was not computed.</summary>
    public Value? Find(FileScope scope, string name) =>
        Find(values, scope, name);

    /// <summary>The whole numbers that a name stood for in a graph; null where they are many, or were not computed.</summary>
    public long[]? NumbersOf(FileScope scope, string name) => Find(numbers, scope, name);

    /// <summary>Axes that can't shrink for what the file's nodes are, though the ops that they become would allow it.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="part">What of it was analysed.</param>
    /// <param name="why">Why not the rest.</param>
    public IEnumerable<(Value Value, int Axis, string Reason)> Pins(GraphProto whole, GraphProto part, string why) =>
        Pins(new(part), new(part, this)).Concat(whole.Nodes.Except(part.Nodes).SelectMany(node => Behind(new(whole), node, why)));

    private static T? Find<T>(Dictionary<string, T> byName, FileScope scope, string name) where T : class =>
        scope.Chain().Select(graph => byName.GetValueOrDefault(graph.Path + name)).FirstOrDefault(found => found is not null);

    private IEnumerable<(Value Value, int Axis, string Reason)> Pins(FileScope scope, ValueSizes sizes)
    {
        foreach (var node in scope.Graph.Nodes)
            foreach (var pin in Blocks(scope, node).Concat(sizes.Pins(scope, node)))
                yield return pin;
        foreach (var inner in scope.Inner())
            foreach (var pin in seen.Any(name => name.StartsWith(inner.Path, StringComparison.Ordinal)) ? Pins(inner, sizes) : Unseen(inner))
                yield return pin;
    }

    private IEnumerable<(Value Value, int Axis, string Reason)> Blocks(FileScope scope, NodeProto node)
    {
        var squares = node.OpType switch { "DepthToSpace" => node.Outputs[0], "SpaceToDepth" => node.Inputs[0], _ => "" };
        if (Find(scope, squares) is { } value)
            for (var axis = 2; axis < value.SampleShape.Rank; axis++)
                yield return (value, axis, $"{node}: it takes whole blocks");
        if (node.OpType == "SplitToSequence" && Find(scope, node.Inputs[0]) is { } split)
        {
            var axis = OperatorCall.FromOutermost(node.Attribute("axis")?.Int ?? 0, split.SampleShape.Rank);
            yield return (split, axis, $"{node}: its parts are counted");
        }
    }

    /// <summary>What a branch needs that the examples do not lead into: nobody knows how.</summary>
    private IEnumerable<(Value Value, int Axis, string Reason)> Unseen(FileScope branch) =>
        branch.Graph.Nodes.TrueForAll(node => AnySize.Contains(node.OpType)) ? []
        : AllAxes(branch, branch.Graph.Reads(),
            name => $"'{branch.Path.TrimEnd('/')}' reads '{name}', and the example inputs do not lead there");

    /// <summary>What a node reads where entries were chosen by value.</summary>
    private IEnumerable<(Value Value, int Axis, string Reason)> Behind(FileScope scope, NodeProto node, string why) =>
        AllAxes(scope, node.Reads(), _ => $"{node}: it computes with what was chosen by value{why}");

    private IEnumerable<(Value Value, int Axis, string Reason)> AllAxes(
        FileScope scope, IEnumerable<string> names, Func<string, string> reason) =>
        from name in names.Distinct()
        let value = Find(scope, name)
        where value is not null
        from axis in Enumerable.Range(0, value.SampleShape.Rank)
        select (value, axis, reason(name));
}
