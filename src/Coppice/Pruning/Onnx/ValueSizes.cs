using Coppice.Graphs;
using Coppice.Onnx;

namespace Coppice.Pruning.Onnx;

/// <summary>Sizes and positions that nodes of a file read, and that depend on values of its inputs: how many boxes there are, say.</summary>
/// <remarks>
/// What was traced holds them as they are for the example inputs. Where an axis with such a size could shrink, nobody knows the right one
/// for other inputs; so it can't. Sizes that nodes ask for by Shape are right again in the smaller file by themselves, positions are not.
/// </remarks>
internal sealed class ValueSizes
{
    private readonly FileValues _values;
    private readonly HashSet<string> _computed;
    private readonly HashSet<string> _counted = [];

    /// <param name="graph">The main graph.</param>
    /// <param name="values">Its values on the example inputs.</param>
    public ValueSizes(GraphProto graph, FileValues values)
    {
        (_values, _computed) = (values, Choices.ComputedIn(graph));
        var ofAnySize = new HashSet<string>();
        foreach (var node in new FileScope(graph).All().Reverse().SelectMany(scope => scope.Graph.Nodes))
        {
            var reads = node.Reads().ToList();
            if (reads.Exists(_counted.Contains) || (node.OpType is "Shape" or "Size" && reads.Exists(ofAnySize.Contains)))
                _counted.UnionWith(node.Outputs);
            if (reads.Exists(ofAnySize.Contains) || HasSizesOfItsOwn(node) && reads.Exists(_computed.Contains)
                || SizesOf(node).Any(name => _computed.Contains(name) || _counted.Contains(name)))
                ofAnySize.UnionWith(node.Outputs);
        }
    }

    /// <summary>Whether how many entries a node makes depends on values.</summary>
    public static bool HasSizesOfItsOwn(NodeProto node) => node.OpType is "NonZero" or "NonMaxSuppression" or "Compress" or "Unique";

    /// <summary>Names of the sizes and positions that a node reads.</summary>
    public static IEnumerable<string> SizesOf(NodeProto node) => node.OpType switch
    {
        "ConstantOfShape" => node.Inputs.Take(1),
        "Reshape" or "Expand" or "Tile" or "Split" => node.Inputs.Skip(1).Take(1),
        "Slice" => node.Inputs.Skip(1),
        "Pad" => node.Inputs.Skip(1).Take(1),
        "Resize" => node.Inputs.Skip(2),
        _ => [],
    };

    /// <summary>Axes that can't shrink for what a node reads.</summary>
    public IEnumerable<(Value Value, int Axis, string Reason)> Pins(FileScope scope, NodeProto node)
    {
        var x = node.Inputs.Count > 0 ? _values.Find(scope, node.Inputs[0]) : null;
        var y = node.Outputs.Count > 0 ? _values.Find(scope, node.Outputs[0]) : null;
        var names = SizesOf(node).ToList();
        return node.OpType switch
        {
            "Slice" when x is not null && names.Exists(IsPosition) => Cut(node, x, names.ElementAtOrDefault(2) is { Length: > 0 } axes
                ? _values.NumbersOf(scope, axes) : null),
            "Split" when x is not null && names.Exists(IsPosition) => Cut(node, x, [node.Attribute("axis")?.Int ?? 0]),
            "Pad" when x is not null && names.Exists(IsPosition) => Cut(node, x, null),
            _ when y is not null && names.Exists(_computed.Contains) => Sized(scope, node, names.First(_computed.Contains), y),
            _ => [],
        };
    }

    private bool IsPosition(string name) => _computed.Contains(name) || _counted.Contains(name);

    private static IEnumerable<(Value, int, string)> Cut(NodeProto node, Value x, long[]? axes) =>
        (axes ?? [.. Enumerable.Range(0, x.SampleShape.Rank)]).Select(axis =>
            (x, (int)(axis < 0 ? axis + x.SampleShape.Rank : axis), $"{node}: where it cuts or adds depends on the values of the inputs"));

    /// <summary>The axes of an output whose own sizes depend on values, where they were put together of single sizes; else all.</summary>
    private IEnumerable<(Value, int, string)> Sized(FileScope scope, NodeProto node, string sizes, Value y)
    {
        var concat = scope.Graph.Nodes.Find(other => other.OpType == "Concat" && other.Outputs.Contains(sizes));
        List<bool> depends = concat is null ? [] : [.. concat.Inputs.SelectMany(name =>
            Enumerable.Repeat(_computed.Contains(name), _values.NumbersOf(scope, name)?.Length ?? 1))];
        return Enumerable.Range(0, y.SampleShape.Rank)
            .Where(axis => depends.Count == 0 || depends.ElementAtOrDefault(axis - (y.SampleShape.Rank - depends.Count)))
            .Select(axis => (y, axis, $"{node}: its sizes depend on the values of the inputs"));
    }
}
