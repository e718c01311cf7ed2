using System.Text;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>An output of a graph.</summary>
/// <param name="Name">What the caller knows it by.</param>
/// <param name="Value">What it is.</param>
public sealed record GraphOutput(string Name, Value Value);

/// <summary>A computation written down: nodes in an order in which they can run, each reading what came before.</summary>
/// <remarks>
/// <see cref="GraphTracer"/> makes one from a running model, <see cref="GraphBuilder"/> by hand; <see cref="GraphModule"/> runs it.
/// Its structure never changes; parameters and buffers are shared with the model they came from.
/// </remarks>
public sealed class Graph
{
    internal Graph(Module state, SampleSizes samples, IReadOnlyList<Value> values, IReadOnlyList<Node> nodes, IReadOnlyList<GraphOutput> outputs)
    {
        (State, Samples, Values, Nodes, Outputs) = (state, samples, values, nodes, outputs);
        Inputs = [.. values.OfType<InputValue>()];
    }

    /// <summary>The module whose parameters and buffers the graph computes with.</summary>
    public Module State { get; }

    /// <summary>Names of the inputs' axes that may have any size, each with the size at which <see cref="Value.SampleShape"/> was taken.</summary>
    public IReadOnlyDictionary<string, int> Symbols => Samples[0];

    /// <summary>What the caller gives, in order.</summary>
    public IReadOnlyList<InputValue> Inputs { get; }

    /// <summary>All values, by <see cref="Value.Id"/>.</summary>
    public IReadOnlyList<Value> Values { get; }

    /// <summary>The nodes in the order they run.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>What the caller gets, in order.</summary>
    public IReadOnlyList<GraphOutput> Outputs { get; }

    internal SampleSizes Samples { get; }

    /// <summary>The same graph with other ops or sizes in its nodes, and all shapes found anew: what follows when parameters changed shape.</summary>
    /// <param name="revise">The op and <see cref="Node.Sizes"/> that take the place of a node's.</param>
    /// <exception cref="GraphException">A node does not fit the shapes it meets.</exception>
    public Graph Revise(Func<Node, (Op Op, IReadOnlyList<SymbolicDim> Sizes)> revise) => Revise(revise, (_, _) => null, _ => null);

    /// <summary>The same, with constants in place of some inputs of nodes, and of some parameters and buffers, so that it shares nothing with
    /// those.</summary>
    internal Graph Revise(Func<Node, (Op Op, IReadOnlyList<SymbolicDim> Sizes)> revise, Func<Node, int, Tensor?> constantFor,
        Func<StoredValue, Tensor?> constant) => Copy(revise, constantFor, constant, _ => null);

    /// <summary>The same graph with other values, of the same shapes and computed before them, in place of some; what only those needed is gone.</summary>
    internal Graph Bypass(IReadOnlyDictionary<Value, Value> instead)
    {
        var graph = Copy(node => (node.Op, node.Sizes), (_, _) => null, _ => null, instead.GetValueOrDefault);
        return graph.WithOutputs(graph.Outputs);
    }

    private Graph Copy(Func<Node, (Op Op, IReadOnlyList<SymbolicDim> Sizes)> revise, Func<Node, int, Tensor?> constantFor,
        Func<StoredValue, Tensor?> constant, Func<Value, Value?> instead)
    {
        var builder = new GraphBuilder(State, Samples);
        var copies = new Dictionary<Value, Value>();
        foreach (var value in Values)
            if (instead(value) is { } other)
                copies.Add(value, copies[other]);
            else if (value is StoredValue stored && constant(stored) is { } tensor)
                copies.Add(value, builder.Constant(tensor));
            else if (value is not NodeValue computed)
                copies.Add(value, builder.Copy(value));
            else if (computed == computed.Producer.Outputs[0])
            {
                var node = computed.Producer;
                var (op, sizes) = revise(node);
                var inputs = node.Inputs.Select((input, i) => constantFor(node, i) is { } tensor ? builder.Constant(tensor) : copies[input]);
                var outputs = builder.Apply(op, [.. inputs], sizes, node.Layer);
                foreach (var (old, copy) in node.Outputs.Zip(outputs))
                    copies.Add(old, copy);
            }
        foreach (var (name, value) in Outputs)
            builder.Output(name, copies[value]);
        return builder.Build();
    }

    /// <summary>What leads to some of the outputs alone; this graph's values go over into it.</summary>
    internal Graph WithOutputs(IReadOnlyList<GraphOutput> outputs)
    {
        var needed = outputs.Select(output => output.Value).Concat(Inputs).ToHashSet();
        foreach (var node in Nodes.Reverse())
            if (node.Outputs.Any(needed.Contains))
            {
                needed.UnionWith(node.Inputs);
                needed.UnionWith(node.Outputs);
            }
        Value[] values = [.. Values.Where(needed.Contains)];
        foreach (var (id, value) in values.Index())
            value.Id = id;
        return new(State, Samples, values, [.. Nodes.Where(node => needed.Contains(node.Outputs[0]))], outputs);
    }

    /// <summary>Form for people: inputs, one line for each node, outputs.</summary>
    public override string ToString()
    {
        var text = new StringBuilder($"inputs: {string.Join(", ", Inputs)}\n");
        foreach (var node in Nodes)
            text.Append($"{node}\n");
        return text.Append($"outputs: {string.Join(", ", Outputs.Select(output => $"{output.Name} = {output.Value.Name}"))}\n").ToString();
    }
}
