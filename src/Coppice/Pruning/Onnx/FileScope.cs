using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Onnx.Operators;
using Coppice.Pruning.Dependency;

namespace Coppice.Pruning.Onnx;

/// <summary>A graph of a file: its main one, or a branch or body in another.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Path">What the names of its values are prefixed with in a trace; empty for the main graph.</param>
/// <param name="Outer">The graph around it.</param>
internal sealed record FileScope(GraphProto Graph, string Path = "", FileScope? Outer = null)
{
    /// <summary>The subgraphs of its nodes.</summary>
    public IEnumerable<FileScope> Inner() => Graph.Nodes.SelectMany(InnerOf);

    /// <summary>The subgraphs of one of its nodes.</summary>
    public IEnumerable<FileScope> InnerOf(NodeProto node) =>
        from attribute in node.Attributes
        where attribute.Graph is not null
        select new FileScope(attribute.Graph!, ValueScope.PathOf(Path, node, attribute.Name ?? ""), this);

    /// <summary>It and the graphs around it, from the innermost.</summary>
    public IEnumerable<FileScope> Chain() => Outer is null ? [this] : Outer.Chain().Prepend(this);

    /// <summary>It and all graphs in it.</summary>
    public IEnumerable<FileScope> All() => All(_ => true);

    /// <summary>It and the graphs in it that are wanted, with theirs.</summary>
    public IEnumerable<FileScope> All(Func<FileScope, bool> isWanted) => Inner().Where(isWanted).SelectMany(inner => inner.All(isWanted)).Prepend(this);
}

/// <summary>The values of an analysed graph by their names in the file.</summary>
/// <param name="values">Values of floats by path and name.</param>
/// <param name="numbers">Small tensors of whole numbers by path and name, as they are for the example inputs.</param>
/// <param name="seen">Path and name of all that was computed.</param>
internal sealed class FileValues(Dictionary<string, Value> values, Dictionary<string, long[]> numbers, HashSet<string> seen)
{
    private readonly HashSet<string> _seenPaths = [.. seen.SelectMany(name =>
        name.Index().Where(character => character.Item == '/').Select(character => name[..(character.Index + 1)]))];

    /// <summary>The value that a name stands for in a graph; null where it is no float, or was not computed.</summary>
    public Value? Find(FileScope scope, string name) =>
        Find(values, scope, name);

    /// <summary>The whole numbers that a name stood for in a graph; null where they are many, or were not computed.</summary>
    public long[]? NumbersOf(FileScope scope, string name) => Find(numbers, scope, name);

    /// <summary>Whether the example inputs lead into a branch or body.</summary>
    public bool WasSeen(FileScope inner) => _seenPaths.Contains(inner.Path);

    /// <summary>Axes that shrink together for what the file's nodes are, though the ops that they became do not say so.</summary>
    /// <param name="part">What of the file was analysed.</param>
    public IEnumerable<AxisTie> Ties(GraphProto part)
    {
        var flow = FlowOf(part);
        return new FileScope(part).All(WasSeen).SelectMany(scope => scope.Graph.Nodes, flow.Ties).SelectMany(ties => ties);
    }

    /// <summary>Axes that can't shrink for what the file's nodes are, though the ops that they become would allow it.</summary>
    /// <param name="whole">The file.</param>
    /// <param name="part">What of it was analysed.</param>
    /// <param name="why">Why not the rest.</param>
    public IEnumerable<(Value Value, int Axis, string Reason)> Pins(GraphProto whole, GraphProto part, string why) =>
        Pins(new(part), new(part, this), FlowOf(part)).Concat(whole.Nodes.Except(part.Nodes).SelectMany(node => Behind(new(whole), node, why)));

    private static T? Find<T>(Dictionary<string, T> byName, FileScope scope, string name) where T : class =>
        scope.Chain().Select(graph => byName.GetValueOrDefault(graph.Path + name)).FirstOrDefault(found => found is not null);

    private ControlFlow FlowOf(GraphProto part) => new(this, Choices.ComputedIn(part, withSizes: true));

    private IEnumerable<(Value Value, int Axis, string Reason)> Pins(FileScope whole, ValueSizes sizes, ControlFlow flow) =>
        from scope in whole.All(WasSeen)
        from node in scope.Graph.Nodes
        from pin in Blocks(scope, node).Concat(sizes.Pins(scope, node)).Concat(flow.Pins(scope, node))
        select pin;

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

    /// <summary>What a node reads where entries were chosen by value.</summary>
    private IEnumerable<(Value Value, int Axis, string Reason)> Behind(FileScope scope, NodeProto node, string why) =>
        from name in node.Reads().Distinct()
        let value = Find(scope, name)
        where value is not null
        from axis in Enumerable.Range(0, value.SampleShape.Rank)
        select (value, axis, $"{node}: it computes with what was chosen by value{why}");
}
