using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>Gives a layer of a file a bias of zeros.</summary>
internal static class NewBias
{
    /// <summary>Adds a bias to the node that reads a weight: its third input, or what is added behind it.</summary>
    /// <param name="additions">The file.</param>
    /// <param name="weight">Name of the weight, which one node reads, or after others that move its axes.</param>
    /// <param name="outputs">How many outputs the layer has.</param>
    /// <returns>Name of the bias; null where the node has another one, or orders its outputs in a way of its own.</returns>
    public static string? Add(Additions additions, string weight, int outputs)
    {
        var main = additions.Model.Graph!;
        var (graph, node) = ReaderOf(weight);
        while (node.OpType is "Transpose" or "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Identity")
            (graph, node) = ReaderOf(node.Outputs[0]);
        var hasBias = node.Inputs.Count > 2 && node.Inputs[2].Length > 0;
        if (node.OpType is not ("Conv" or "Gemm" or "MatMul") || (node.OpType == "Conv" && hasBias))
            return null;
        var type = main.Initializers.Find(tensor => tensor.Name == weight)!.Source().DType;
        var bias = additions.Store($"{weight}_bias", Tensor.Zeros([outputs], type));
        if (node.OpType == "MatMul" || hasBias || node.Attribute("beta") is not null)
            AddBehind(additions, graph, node, bias);
        else
        {
            node.Inputs.RemoveRange(2, node.Inputs.Count - 2);
            node.Inputs.Add(bias);
        }
        return bias;

        (GraphProto Graph, NodeProto Node) ReaderOf(string name) => new FileScope(main).All()
            .SelectMany(scope => scope.Graph.Nodes, (scope, node) => (scope.Graph, node)).First(entry => entry.node.Inputs.Contains(name));
    }

    private static void AddBehind(Additions additions, GraphProto graph, NodeProto node, string bias)
    {
        var sum = new NodeProto { OpType = "Add" };
        sum.Outputs.Add(node.Outputs[0]);
        node.Outputs[0] = additions.FreeName(node.Outputs[0]);
        sum.Inputs.AddRange([node.Outputs[0], bias]);
        graph.Nodes.Insert(graph.Nodes.IndexOf(node) + 1, sum);
    }
}
