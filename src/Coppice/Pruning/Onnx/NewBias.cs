using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>Gives a layer of a file a bias of zeros.</summary>
internal static class NewBias
{
    /// <summary>Adds a bias to the node that reads a weight: its third input where the operator has one, else what is added behind it.</summary>
    /// <param name="model">The file.</param>
    /// <param name="weight">Name of the weight, which one node reads.</param>
    /// <param name="outputs">How many outputs the layer has.</param>
    public static void Add(ModelProto model, string weight, int outputs)
    {
        var main = model.Graph!;
        var (graph, node) = new FileScope(main).All().SelectMany(scope => scope.Graph.Nodes, (scope, node) => (scope.Graph, node))
            .First(entry => entry.node.Inputs.Contains(weight));
        var bias = OwnInitializers.Add(model, TensorProto.From(TensorSource.From(OwnInitializers.FreeName(main, $"{weight}_bias"),
            Tensor.Zeros([outputs]))));
        if (node.Inputs.Count == 2 && node.OpType is "Conv" or "Gemm" && node.Attribute("beta") is null)
            node.Inputs.Add(bias);
        else
            AddBehind(main, graph, node, bias);
    }

    private static void AddBehind(GraphProto main, GraphProto graph, NodeProto node, string bias)
    {
        var sum = new NodeProto { OpType = "Add" };
        sum.Outputs.Add(node.Outputs[0]);
        node.Outputs[0] = OwnInitializers.FreeName(main, node.Outputs[0]);
        sum.Inputs.AddRange([node.Outputs[0], bias]);
        graph.Nodes.Insert(graph.Nodes.IndexOf(node) + 1, sum);
    }
}
