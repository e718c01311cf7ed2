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
        where Fit(pair.Left, pair.Right)
        from axes in LongAxes(pair.Left).Zip(LongAxes(pair.Right))
        select new AxisTie(pair.Left, axes.First, pair.Right, axes.Second, $"{node}: it may run otherwise than on the example inputs");

    /// <summary>Axes that can't shrink: of what should be the same and is not, as what grows from turn to turn, and of what leads into or
    /// comes out of a branch or body that the example inputs do not lead into.</summary>
    public IEnumerable<(Value Value, int Axis, string Reason)> Pins(FileScope scope, NodeProto node) =>
        Same(scope, node).Where(pair => !Fit(pair.Left, pair.Right)).SelectMany(pair => new[] { pair.Left, pair.Right })
            .SelectMany(value => All(value, $"{node}: what it takes and makes differ in size"))
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
        var makers = branch.Graph.Nodes.SelectMany(node => node.Outputs, (node, output) => (node, output))
            .ToDictionary(entry => entry.output, entry => entry.node);
        return branch.Graph.Nodes.TrueForAll(node => AnySize.Contains(node.OpType))
            ? [.. branch.Graph.Outputs.Select(output => SourceOf(output.Name ?? ""))] : null;

        string SourceOf(string name) => !makers.TryGetValue(name, out var maker) ? name
            : maker.OpType == "Constant" ? "" : SourceOf(maker.Inputs[0]);
    }

    /// <summary>Whether two values have the same axes but for those of one index.</summary>
    private static bool Fit(Value left, Value right) =>
        LongAxes(left).Select(axis => left.SampleShape[axis]).SequenceEqual(LongAxes(right).Select(axis => right.SampleShape[axis]));

    private static IEnumerable<int> LongAxes(Value value) =>
        Enumerable.Range(0, value.SampleShape.Rank).Where(axis => value.SampleShape[axis] > 1);

    private static IEnumerable<(Value, int, string)> All(Value value, string reason) =>
        Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (value, axis, reason));
}
