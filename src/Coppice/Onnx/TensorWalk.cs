namespace Coppice.Onnx;

/// <summary>Finds the tensors of a model, subgraphs included.</summary>
internal static class TensorWalk
{
    /// <summary>Initializers and tensors in attributes.</summary>
    public static IEnumerable<TensorProto> Of(ModelProto model) => model.Graph is null ? [] : Of(model.Graph);

    /// <summary>The same of a graph.</summary>
    public static IEnumerable<TensorProto> Of(GraphProto graph) =>
        graph.Initializers.Concat(graph.Nodes.SelectMany(node => node.Attributes).SelectMany(Of));

    private static IEnumerable<TensorProto> Of(AttributeProto attribute)
    {
        var own = attribute.Tensor is null ? attribute.Tensors : attribute.Tensors.Prepend(attribute.Tensor);
        var graphs = attribute.Graph is null ? attribute.Graphs : attribute.Graphs.Prepend(attribute.Graph);
        return own.Concat(graphs.SelectMany(Of));
    }
}
