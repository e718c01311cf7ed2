using Coppice.Checkpoints;
using Coppice.Onnx;

namespace Coppice.Pruning.Onnx;

/// <summary>Undoes what exporters do to constants and what would tie layers that have nothing to do with each other.</summary>
internal static class OwnInitializers
{
    /// <summary>
    /// Gives each use of a vector of floats its own copy: equal ones, such as biases that are all zero, were made one. Floats of Constant
    /// nodes become initializers.
    /// </summary>
    public static void Give(ModelProto model)
    {
        var graph = model.Graph!;
        Lift(model);
        var vectors = graph.Initializers
            .Where(tensor => tensor is { DataType: TensorDataType.Float, Dims: [> 1] })
            .DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name ?? "");
        var used = graph.Nodes.SelectMany(node => node.Subgraphs()).SelectMany(SizeConstants.Reads).ToHashSet();
        foreach (var node in graph.Nodes)
            for (var i = 0; i < node.Inputs.Count; i++)
                if (vectors.TryGetValue(node.Inputs[i], out var tensor) && !used.Add(node.Inputs[i]))
                    node.Inputs[i] = Add(model, TensorProto.From(Renamed(tensor, FreeName(graph, node.Inputs[i]))));
    }

    /// <summary>Adds an initializer; older files list all of them as inputs too.</summary>
    /// <returns>Its name.</returns>
    public static string Add(ModelProto model, TensorProto tensor)
    {
        var graph = model.Graph!;
        graph.Initializers.Add(tensor);
        if (model.IrVersion < 4)
            graph.Inputs.Add(ValueInfoProto.From(tensor.Name!, tensor.DataType!.Value,
                tensor.Dims.Select(size => new Dimension { Value = size })));
        return tensor.Name!;
    }

    /// <summary>A name that nothing in a model has yet.</summary>
    public static string FreeName(GraphProto main, string wanted)
    {
        var taken = new FileScope(main).All().SelectMany(scope => NamesIn(scope.Graph)).ToHashSet();
        var number = 2;
        while (taken.Contains($"{wanted}_{number}"))
            number++;
        return $"{wanted}_{number}";
    }

    private static IEnumerable<string> NamesIn(GraphProto graph) => graph.Nodes.SelectMany(node => node.Outputs)
        .Concat(graph.Initializers.Select(tensor => tensor.Name ?? "")).Concat(graph.Inputs.Select(input => input.Name ?? ""));

    private static TensorSource Renamed(TensorProto tensor, string name) => TensorSource.From(name, tensor.Source().ToTensor());

    private static void Lift(ModelProto model)
    {
        var graph = model.Graph!;
        foreach (var node in graph.Nodes.ToList())
            if (node is { OpType: "Constant", Outputs: [var name] }
                && node.Attribute("value")?.Tensor is { DataType: TensorDataType.Float } tensor && tensor.Dims.Any(size => size > 1))
            {
                Add(model, TensorProto.From(Renamed(tensor, name)));
                graph.Nodes.Remove(node);
            }
    }
}
