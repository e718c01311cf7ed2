using Coppice.Checkpoints;
using Coppice.Onnx;

namespace Coppice.Pruning.Onnx;

/// <summary>Undoes what exporters do to constants and what would tie layers that have nothing to do with each other.</summary>
internal static class OwnInitializers
{
    /// <summary>
    /// Gives each use of a vector of floats its own copy: equal ones, such as biases that are all zero, were made one. Floats of Constant
    /// nodes, and what branches and bodies hold of their own, become initializers of the main graph.
    /// </summary>
    public static void Give(Additions additions)
    {
        var graph = additions.Model.Graph!;
        foreach (var scope in new FileScope(graph).All().Reverse().ToList())
            Lift(additions, scope.Graph);
        var vectors = graph.Initializers
            .Where(tensor => IsWeights(tensor) && tensor.Dims is [> 1])
            .DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name ?? "");
        var used = graph.Nodes.SelectMany(node => node.Subgraphs()).SelectMany(inner => inner.Reads()).ToHashSet();
        foreach (var node in graph.Nodes)
            for (var i = 0; i < node.Inputs.Count; i++)
                if (vectors.TryGetValue(node.Inputs[i], out var tensor) && !used.Add(node.Inputs[i]))
                    node.Inputs[i] = additions.Store(node.Inputs[i], tensor.Source().ToTensor());
    }

    private static bool IsWeights(TensorProto tensor) =>
        tensor.DataType is TensorDataType.Float or TensorDataType.Float16 or TensorDataType.Bfloat16 or TensorDataType.Double
        && tensor.Dims.Any(size => size > 1);

    /// <summary>Moves what a graph holds to the initializers of the main one; but not what it gives, which it must hold itself.</summary>
    private static void Lift(Additions additions, GraphProto graph)
    {
        var isMain = graph == additions.Model.Graph;
        var given = isMain ? [] : graph.Outputs.Select(output => output.Name).ToHashSet();
        foreach (var node in graph.Nodes.ToList())
            if (OnnxWeights.IsConstant(node, out var tensor) && IsWeights(tensor) && !given.Contains(node.Outputs[0]))
            {
                graph.Nodes.Remove(node);
                Lift(additions, graph, node.Outputs[0], tensor);
            }
        foreach (var tensor in isMain ? [] : graph.Initializers.Where(IsWeights).ToList())
            if (!given.Contains(tensor.Name))
            {
                graph.Initializers.Remove(tensor);
                Lift(additions, graph, tensor.Name ?? "", tensor);
            }
    }

    /// <summary>Adds what a graph held to the main one, under another name if something has its name already.</summary>
    private static void Lift(Additions additions, GraphProto graph, string name, TensorProto tensor)
    {
        var free = additions.StoreAs(additions.NameElsewhere(name), tensor.Source().ToTensor());
        if (free != name)
            Rename(graph, name, free);
    }

    private static void Rename(GraphProto graph, string name, string other)
    {
        foreach (var node in graph.Nodes)
        {
            for (var i = 0; i < node.Inputs.Count; i++)
                if (node.Inputs[i] == name)
                    node.Inputs[i] = other;
            foreach (var inner in node.Subgraphs())
                Rename(inner, name, other);
        }
    }
}
