using Coppice.Onnx;

namespace Coppice.Bench;

/// <summary>A convolution or product of an ONNX file with a weight of its own.</summary>
/// <param name="Node">The node.</param>
/// <param name="Weight">Name of the weight.</param>
/// <param name="OutputAxis">The weight's axis of output channels.</param>
/// <param name="IsHead">Whether no other weight is between it and an output of the model, whose channels it makes.</param>
internal sealed record OnnxLayer(NodeProto Node, string Weight, int OutputAxis, bool IsHead)
{
    /// <summary>The layers of a graph, subgraphs left out.</summary>
    public static IReadOnlyList<OnnxLayer> Of(GraphProto graph)
    {
        var ranks = graph.Initializers.Where(tensor => tensor.DataType == TensorDataType.Float && tensor.Dims.Count > 1)
            .DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name ?? "", tensor => tensor.Dims.Count);
        var (layers, reached) = (new List<OnnxLayer>(), graph.Outputs.Select(output => output.Name ?? "").ToHashSet());
        foreach (var node in graph.Nodes.AsEnumerable().Reverse())
        {
            var isHead = node.Outputs.Exists(reached.Contains);
            if (node.Inputs.Count > 1 && ranks.TryGetValue(node.Inputs[1], out var rank) && OutputAxisOf(node, rank) is { } axis)
                layers.Add(new(node, node.Inputs[1], axis, isHead));
            else if (isHead && node.OpType is not ("Shape" or "Size"))
                reached.UnionWith(Reads(node));
        }
        return layers;
    }

    /// <summary>Whether at most half of the output channels are left, rounded up.</summary>
    public bool IsHalved(IReadOnlyDictionary<string, IReadOnlyList<long>> before, IReadOnlyDictionary<string, IReadOnlyList<long>> after) =>
        LeftIn(after)[OutputAxis] <= (before[Weight][OutputAxis] + 1) / 2;

    /// <summary>What is left of the weight, or of those of its groups where each became a convolution of its own, side by side.</summary>
    public IReadOnlyList<long> LeftIn(IReadOnlyDictionary<string, IReadOnlyList<long>> after)
    {
        if (after.TryGetValue(Weight, out var whole))
            return whole;
        var parts = after.Where(entry => entry.Key.StartsWith($"{Weight}.", StringComparison.Ordinal)).Select(entry => entry.Value).ToList();
        return [parts.Sum(part => part[0]), .. parts[0].Skip(1)];
    }

    private static int? OutputAxisOf(NodeProto node, int rank) => node.OpType switch
    {
        "Conv" => 0,
        "ConvTranspose" => 1,
        "MatMul" => rank - 1,
        "Gemm" => node.Attribute("transB")?.Int == 1 ? 0 : 1,
        _ => null,
    };

    private static IEnumerable<string> Reads(NodeProto node) => node.Inputs.Concat(
        from attribute in node.Attributes
        where attribute.Graph is not null
        from inner in attribute.Graph!.Nodes
        from name in Reads(inner)
        select name);
}
