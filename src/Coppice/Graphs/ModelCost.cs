using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>Parameters and multiply-accumulates of a model, layer by layer, at the sizes its graph was made for.</summary>
/// <remarks>Counted are convolutions, linear layers, matrix products and the two products of attention, all pairs of positions included;
/// element-wise work is not.</remarks>
/// <param name="Layers">Layers with parameters or multiply-accumulates, in the order they run.</param>
public sealed record ModelCost(IReadOnlyList<LayerCost> Layers)
{
    /// <summary>Parameters, tied ones once.</summary>
    public long Parameters { get; } = Layers.Sum(layer => layer.Parameters);

    /// <summary>Multiply-accumulates.</summary>
    public long Macs { get; } = Layers.Sum(layer => layer.Macs);

    /// <summary>The cost of a graph.</summary>
    public static ModelCost Of(Graph graph) => Of(graph, value => value.SampleShape);

    /// <summary>The cost that a graph would have with values of other shapes.</summary>
    internal static ModelCost Of(Graph graph, Func<Value, Shape> shapeOf)
    {
        var layers = new OrderedDictionary<string, LayerCost>();
        var counted = new HashSet<Value>();
        foreach (var node in graph.Nodes)
        {
            var parameters = node.Inputs.OfType<ParameterValue>().Where(counted.Add).Sum(value => shapeOf(value).Count);
            var macs = MacsOf(node, shapeOf);
            if (parameters == 0 && macs == 0)
                continue;
            var name = node.Layer.Length > 0 ? node.Layer : $"{node.Op.Name} ({node.Outputs[0].Name})";
            var before = layers.GetValueOrDefault(name, new(name, node.Op.Name, 0, 0));
            layers[name] = before with { Parameters = before.Parameters + parameters, Macs = before.Macs + macs };
        }
        return new([.. layers.Values]);
    }

    private static long MacsOf(Node node, Func<Value, Shape> shapeOf)
    {
        switch (node.Op)
        {
            case Conv2d or FusedConv2d:
                var filters = shapeOf(node.Inputs[1]);
                return filters[0] == 0 ? 0 : shapeOf(node.Outputs[0]).Count * (filters.Count / filters[0]);
            case Linear or MatMul:
                return shapeOf(node.Outputs[0]).Count * shapeOf(node.Inputs[0])[^1];
            case Attention:
                return 2 * shapeOf(node.Inputs[0]).Count * shapeOf(node.Inputs[1])[2];
            default:
                return 0;
        }
    }
}

/// <summary>What a layer costs.</summary>
/// <param name="Name">Its full name, or the op's where no layer applied it.</param>
/// <param name="Op">The first op of it that counts.</param>
/// <param name="Parameters">Parameters that no layer before it has.</param>
/// <param name="Macs">Multiply-accumulates.</param>
public sealed record LayerCost(string Name, string Op, long Parameters, long Macs);
