using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Pruning.Depth;

/// <summary>Looks at the additions of a graph for residual blocks.</summary>
internal sealed class ResidualSearch
{
    private const int MostTerms = 16;

    private readonly ILookup<Value, Node> _readers;
    private readonly HashSet<Value> _outputs;

    public ResidualSearch(Graph graph)
    {
        _readers = graph.Nodes.SelectMany(node => node.Inputs.Distinct().Select(input => (input, node)))
            .ToLookup(entry => entry.input, entry => entry.node);
        _outputs = [.. graph.Outputs.Select(output => output.Value)];
    }

    /// <summary>The block that a node's sum is; null where it is none.</summary>
    public ResidualBlock? At(Node node)
    {
        if (node.Op is not Add || !node.Outputs[0].DType.IsFloatingPoint() || node.Inputs[0] == node.Inputs[1]
            || !node.Inputs.All(input => input is not StoredValue && IsOfShape(input, node.Outputs[0])))
            return null;
        return Block(node, node.Inputs[0], node.Inputs[1]) ?? Block(node, node.Inputs[1], node.Inputs[0]);
    }

    /// <summary>A block that keeps one operand; where that is a sum which nothing else reads, it may be one of its terms that is kept.</summary>
    private ResidualBlock? Block(Node node, Value kept, Value branch)
    {
        var terms = Terms(kept, node, out var sums);
        foreach (var term in terms)
            if (Inner([branch], Source(term), [node]) is { } inner)
                return new(NameOf(node), node.Outputs[0], kept, [branch], inner);
        foreach (var term in terms.Count > 1 ? terms : [])
        {
            Value[] others = [.. terms.Where(other => other != term), branch];
            if (Inner(others, Source(term), [node, .. sums]) is { } inner)
                return new(NameOf(node), node.Outputs[0], term, others, inner);
        }
        return null;
    }

    private static string NameOf(Node node) => node.Layer.Length > 0 ? node.Layer : node.Outputs[0].Name;

    /// <summary>What a value adds up through sums that only the next reads; itself where it is no such sum, or one of very many terms.</summary>
    private List<Value> Terms(Value value, Node reader, out List<Node> sums)
    {
        var (terms, open) = (new List<Value>(), new Stack<(Value Value, Node Reader)>([(value, reader)]));
        sums = [];
        while (open.TryPop(out var next))
            if (next.Value is NodeValue { Producer: { Op: Add } producer } && IsReadBy(next.Value, next.Reader)
                && producer.Inputs.All(input => input is not StoredValue && IsOfShape(input, value)))
            {
                sums.Add(producer);
                foreach (var input in producer.Inputs)
                    open.Push((input, producer));
                if (sums.Count == MostTerms)
                    return [value];
            }
            else
                terms.Add(next.Value);
        return terms;
    }

    /// <summary>What is scaled to a value by one number, or one for each channel.</summary>
    private static Value Source(Value value)
    {
        while (value is NodeValue { Producer: { Op: Multiply or Divide } producer })
        {
            var scaled = producer.Inputs[0] is StoredValue && producer.Op is Multiply ? 1 : 0;
            if (producer.Inputs[1 - scaled] is not StoredValue scale || LongAxes(scale) > 1 || !IsOfShape(producer.Inputs[scaled], value))
                break;
            value = producer.Inputs[scaled];
        }
        return value;
    }

    /// <summary>The nodes that compute branches from x; null where some do not depend on it, where other nodes than these and the sums read
    /// what is computed on the way, or where no weight takes part.</summary>
    private List<Node>? Inner(Value[] branches, Value x, List<Node> sums)
    {
        var before = Before(branches, x, out var hasWeights);
        if (!hasWeights)
            return null;
        var (inner, made) = (new List<Node>(), new HashSet<Value> { x });
        foreach (var node in before.OrderBy(node => node.Outputs[0].Id))
            if (node.Inputs.Any(made.Contains))
            {
                inner.Add(node);
                made.UnionWith(node.Outputs);
            }
        if (!Array.TrueForAll(branches, branch => branch != x && made.Contains(branch)))
            return null;
        var readers = inner.Concat(sums).ToHashSet();
        return inner.TrueForAll(node => node.Outputs.All(output => !_outputs.Contains(output) && _readers[output].All(readers.Contains)))
            ? inner : null;
    }

    /// <summary>All nodes that lead to values, not beyond x.</summary>
    private static HashSet<Node> Before(Value[] values, Value x, out bool hasWeights)
    {
        var (nodes, open) = (new HashSet<Node>(), new Stack<Value>(values));
        hasWeights = false;
        while (open.TryPop(out var value))
            if (value is StoredValue stored)
                hasWeights |= LongAxes(stored) > 1;
            else if (value != x && value is NodeValue { Producer: var producer } && nodes.Add(producer))
                foreach (var input in producer.Inputs)
                    open.Push(input);
        return nodes;
    }

    private bool IsReadBy(Value value, Node reader) => !_outputs.Contains(value) && _readers[value].All(node => node == reader);

    private static int LongAxes(StoredValue value) => value.SampleShape.Count(size => size > 1);

    private static bool IsOfShape(Value a, Value b) => a.Samples.SequenceEqual(b.Samples);
}
