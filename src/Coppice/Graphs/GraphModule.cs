using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>Runs a graph by applying the same ops that eager models do, so that gradients, training and tracing work in it.</summary>
/// <remarks>
/// It shares the modules of <see cref="Graph.State"/>: names, state dictionary, masks and training are the traced model's own. Whether
/// dropout and batch statistics are active was decided when the graph was made; <see cref="Module.Train"/> does not change it.
/// </remarks>
public sealed class GraphModule : Module
{
    /// <summary>A module that computes what the graph says.</summary>
    public GraphModule(Graph graph)
    {
        Graph = graph;
        foreach (var (name, parameter) in graph.State.Parameters)
            Register(name, parameter);
        foreach (var (name, buffer) in graph.State.Buffers)
            RegisterBuffer(name, buffer);
        foreach (var (name, child) in graph.State.Children)
            Register(name, child);
    }

    /// <summary>What it computes.</summary>
    public Graph Graph { get; }

    /// <summary>Runs the graph.</summary>
    /// <param name="inputs">As many tensors as <see cref="Graph.Inputs"/>, in their order.</param>
    /// <returns>One tensor for each of <see cref="Graph.Outputs"/>, in their order.</returns>
    /// <exception cref="ArgumentException">Number, type or shape of the inputs is not the graph's.</exception>
    /// <exception cref="GraphException">A node does not fit what it meets, or refuses a value.</exception>
    public Tensor[] Forward(params IReadOnlyList<Tensor> inputs) => Run(Graph, inputs);

    /// <summary>Runs the graph with inputs and outputs by name.</summary>
    /// <exception cref="ArgumentException">An input is missing or unknown, or its type or shape is not the graph's.</exception>
    /// <exception cref="GraphException">A node does not fit what it meets, or refuses a value.</exception>
    public OrderedDictionary<string, Tensor> Forward(IReadOnlyDictionary<string, Tensor> inputs)
    {
        var names = Graph.Inputs.Select(input => input.Name).ToList();
        if (inputs.Count != names.Count || !names.TrueForAll(inputs.ContainsKey))
            throw new ArgumentException($"The graph's inputs are {string.Join(", ", names)}; given are {string.Join(", ", inputs.Keys)}.",
                nameof(inputs));
        var outputs = Forward([.. names.Select(name => inputs[name])]);
        return new(Graph.Outputs.Select((output, i) => KeyValuePair.Create(output.Name, outputs[i])));
    }

    /// <summary>Runs a graph.</summary>
    /// <param name="graph">What is computed.</param>
    /// <param name="inputs">As many tensors as its inputs.</param>
    /// <param name="spent">By node, values whose memory may be used again once it ran; null where all are kept.</param>
    /// <param name="compute">What a node's op, at these sizes, makes of its inputs; null for what it does.</param>
    internal static Tensor[] Run(Graph graph, IReadOnlyList<Tensor> inputs, IReadOnlyList<Value>[]? spent = null,
        Func<Node, Op, Tensor[], Tensor[]>? compute = null)
    {
        var sizes = SizesOf(graph, inputs);
        var computed = new Tensor?[graph.Values.Count];
        for (var i = 0; i < inputs.Count; i++)
            computed[graph.Inputs[i].Id] = inputs[i];
        for (var number = 0; number < graph.Nodes.Count; number++)
        {
            var node = graph.Nodes[number];
            var outputs = Apply(node, sizes, [.. node.Inputs.Select(Read)], compute);
            for (var i = 0; i < outputs.Length; i++)
                computed[node.Outputs[i].Id] = outputs[i];
            foreach (var value in spent?[number] ?? [])
                TensorScope.Recycle(computed[value.Id]!);
        }
        return [.. graph.Outputs.Select(output => Read(output.Value))];

        Tensor Read(Value value) => value is StoredValue stored ? stored.Tensor : computed[value.Id]!;
    }

    /// <summary>By node, the values that nothing reads after it and no other value is a view of.</summary>
    internal static IReadOnlyList<Value>[] SpentValues(Graph graph)
    {
        var kept = graph.Outputs.Select(output => output.Value).ToHashSet();
        var last = new Dictionary<Value, int>();
        foreach (var (number, node) in graph.Nodes.Index())
            foreach (var input in node.Inputs)
            {
                if (node.Op is ViewOp)
                    kept.UnionWith([input, .. node.Outputs]); // one memory, several values
                last[input] = number;
            }
        var spent = last.Where(entry => entry.Key is NodeValue && !kept.Contains(entry.Key)).ToLookup(entry => entry.Value, entry => entry.Key);
        return [.. Enumerable.Range(0, graph.Nodes.Count).Select(number => (IReadOnlyList<Value>)[.. spent[number]])];
    }

    private static Tensor[] Apply(
        Node node, IReadOnlyDictionary<string, int> sizes, Tensor[] inputs, Func<Node, Op, Tensor[], Tensor[]>? compute)
    {
        try
        {
            var op = node.OpAt(sizes);
            return compute is null ? Op.Apply(op, inputs) : compute(node, op, inputs);
        }
        catch (Exception error) when (error is OpException or GraphException)
        {
            throw new GraphException($"{node}: {error.Message}", error);
        }
    }

    /// <summary>The sizes that the inputs give to the graph's symbols.</summary>
    internal static IReadOnlyDictionary<string, int> SizesOf(Graph graph, IReadOnlyList<Tensor> inputs)
    {
        if (inputs.Count != graph.Inputs.Count)
            throw new ArgumentException($"The graph takes {graph.Inputs.Count} inputs, {string.Join(", ", graph.Inputs)}; given are "
                + $"{inputs.Count}.", nameof(inputs));
        var sizes = new Dictionary<string, int>();
        for (var i = 0; i < inputs.Count; i++)
        {
            var (value, tensor) = (graph.Inputs[i], inputs[i]);
            if (tensor.DType != value.DType || tensor.Shape.Rank != value.Dims.Count)
                throw new ArgumentException($"The graph's input {value} is given as {tensor}.", nameof(inputs));
            for (var axis = 0; axis < value.Dims.Count; axis++)
            {
                var (dim, size) = (value.Dims[axis], tensor.Shape[axis]);
                if (dim.Constant is null)
                    sizes.TryAdd(dim.Symbols[0], size);
                if ((dim.Constant ?? sizes[dim.Symbols[0]]) is var expected && size != expected)
                    throw new ArgumentException($"The graph's input {value} is given as {tensor}: axis {axis} must be {dim}"
                        + (dim.Constant is null ? $", which is {expected}." : "."), nameof(inputs));
            }
        }
        return sizes;
    }
}
