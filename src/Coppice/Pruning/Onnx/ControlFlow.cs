using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;

namespace Coppice.Pruning.Onnx;

/// <summary>What holds for branches and bodies however often they run, of which a trace shows the way that the example inputs lead.</summary>
/// <remarks>What a loop carries goes in as it came out; what either branch of a choice makes is the same thing to what reads it.</remarks>
/// <param name="values">The values of the trace.</param>
/// <param name="variable">Names of what depends on inputs, or on their sizes.</param>
internal sealed class ControlFlow(FileValues values, IReadOnlySet<string> variable)
{
    /// <summary>Operators that do with a smaller axis what they did with the whole one.</summary>
    private static readonly string?[] AnySize = ["Identity", "Cast", "Squeeze", "Unsqueeze", "Constant"];

    /// <summary>Axes that shrink together for what a node is.</summary>
    public IEnumerable<AxisTie> Ties(FileScope scope, NodeProto node) =>
        from pair in Same(scope, node)
        from axes in Aligned(pair.Left, pair.Right)
        select new AxisTie(pair.Left, axes.Left, pair.Right, axes.Right, $"{node}: it may run otherwise than on the example inputs");

    /// <summary>Axes that can't shrink: of what should be the same and is not, as what grows from turn to turn, and of what leads into or
    /// comes out of a branch or body that the example inputs do not lead into.</summary>
    public IEnumerable<(Value Value, int Axis, string Reason)> Pins(FileScope scope, NodeProto node) =>
        Same(scope, node).SelectMany(pair => Aligned(pair.Left, pair.Right).ToList() is var aligned
            ? Others(pair.Left, aligned.Select(axes => axes.Left)).Concat(Others(pair.Right, aligned.Select(axes => axes.Right))) : [])
            .Select(axis => (axis.Value, axis.Axis, $"{node}: what it takes and makes differ in size"))
            .Concat(scope.InnerOf(node).Where(inner => !values.WasSeen(inner)).SelectMany(inner => Unseen(scope, node, inner)));

    private IEnumerable<(Value, int, string)> Unseen(FileScope scope, NodeProto node, FileScope inner)
    {
        var names = !CanRun(node) ? []
            : node.OpType == "If" && Sources(inner) is { } sources
                ? node.Outputs.Where((_, output) => values.Find(scope, sources[output]) is null)
                : inner.Graph.Reads().Concat(node.Inputs).Concat(node.Outputs);
        return names.Distinct().Select(name => values.Find(scope, name)).OfType<Value>()
            .SelectMany(value => All(value, $"'{inner.Path.TrimEnd('/')}' takes or makes it, and the example inputs do not lead there"));
    }

    private bool CanRun(NodeProto node) => node.OpType != "If" || variable.Contains(node.Inputs[0]);

    private IEnumerable<(Value Left, Value Right)> Same(FileScope scope, NodeProto node)
    {
        var names = node.OpType switch
        {
            "Loop" => node.Inputs.Skip(2).Zip(node.Outputs),
            "Scan" => node.Inputs.SkipLast((int)(node.Attribute("num_scan_inputs")?.Int ?? 0)).Zip(node.Outputs),
            "If" when CanRun(node) => scope.InnerOf(node).Where(branch => !values.WasSeen(branch))
                .SelectMany(branch => (Sources(branch) ?? []).Zip(node.Outputs)),
            _ => [],
        };
        return from pair in names
               let left = values.Find(scope, pair.First)
               let right = values.Find(scope, pair.Second)
               where left is not null && right is not null && left != right
               select (left, right);
    }

    /// <summary>Of a branch that does no more than hand on what is around it, the name of what each output is; empty for a constant. Null
    /// where it does more.</summary>
    private static List<string>? Sources(FileScope branch)
    {
        if (!branch.Graph.Nodes.TrueForAll(node => AnySize.Contains(node.OpType)))
            return null;
        var makers = branch.Graph.Nodes.Where(node => node.Outputs.Count > 0).DistinctBy(node => node.Outputs[0]) // each of these makes one
            .ToDictionary(node => node.Outputs[0]);
        return [.. branch.Graph.Outputs.Select(output => SourceOf(output.Name ?? ""))];

        string SourceOf(string name) => !makers.TryGetValue(name, out var maker) ? name
            : maker.OpType == "Constant" ? "" : SourceOf(maker.Inputs[0]);
    }

    /// <summary>Axes of two values that are the same: in order where they differ in axes of one index alone, else from the last, as in
    /// broadcasting, those as long.</summary>
    private static IEnumerable<(int Left, int Right)> Aligned(Value left, Value right)
    {
        var (own, other) = (LongAxes(left).ToList(), LongAxes(right).ToList());
        return own.Select(axis => left.SampleShape[axis]).SequenceEqual(other.Select(axis => right.SampleShape[axis])) ? own.Zip(other)
            : own.Select(axis => (Left: axis, Right: axis + right.SampleShape.Rank - left.SampleShape.Rank))
                .Where(axes => axes.Right >= 0 && left.SampleShape[axes.Left] == right.SampleShape[axes.Right]);
    }

    private static IEnumerable<(Value Value, int Axis)> Others(Value value, IEnumerable<int> axes) =>
        LongAxes(value).Except(axes).Select(axis => (value, axis));

    private static IEnumerable<int> LongAxes(Value value) =>
        Enumerable.Range(0, value.SampleShape.Rank).Where(axis => value.SampleShape[axis] > 1);

    private static IEnumerable<(Value, int, string)> All(Value value, string reason) =>
        Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (value, axis, reason));
}
