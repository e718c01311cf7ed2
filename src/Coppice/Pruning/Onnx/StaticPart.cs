using Coppice.Onnx;

namespace Coppice.Pruning.Onnx;

/// <summary>
/// The part of a model before anything is chosen by its value: of a detector, what computes the scores and boxes that it chooses among.
/// </summary>
internal static class StaticPart
{
    /// <summary>A model of the nodes that read nothing that was chosen; its outputs are what the rest reads.</summary>
    /// <returns>A model that shares its nodes with the whole one; that itself where all of it is so.</returns>
    public static ModelProto Of(ModelProto model)
    {
        var graph = model.Graph!;
        var computed = Choices.ComputedIn(graph);
        var (chosen, rest) = (new HashSet<string>(), new HashSet<NodeProto>());
        foreach (var node in graph.Nodes)
        {
            var reads = node.Reads().ToList();
            if (reads.Exists(chosen.Contains) || (reads.Exists(computed.Contains) && ChoosesByValue(node, computed)))
            {
                rest.Add(node);
                chosen.UnionWith(node.Outputs);
            }
        }
        return rest.Count == 0 ? model : Without(model, rest, computed);
    }

    private static ModelProto Without(ModelProto model, HashSet<NodeProto> rest, HashSet<string> computed)
    {
        var (whole, part) = (model.Graph!, new GraphProto { Name = model.Graph!.Name });
        part.Inputs.AddRange(whole.Inputs);
        part.Initializers.AddRange(whole.Initializers);
        part.Nodes.AddRange(whole.Nodes.Where(node => !rest.Contains(node)));
        var made = part.Nodes.SelectMany(node => node.Outputs).Where(computed.Contains).ToHashSet();
        part.Outputs.AddRange(rest.SelectMany(inner => inner.Reads()).Concat(whole.Outputs.Select(output => output.Name ?? ""))
            .Where(made.Contains).Distinct().Select(name => new ValueInfoProto { Name = name }));
        var result = new ModelProto { IrVersion = model.IrVersion, Graph = part };
        result.OpsetImports.AddRange(model.OpsetImports);
        return result;
    }

    /// <summary>Whether sizes or positions of what it makes depend on values, so that rounding can change them.</summary>
    private static bool ChoosesByValue(NodeProto node, HashSet<string> computed) =>
        node.OpType == "TopK" || ValueSizes.HasSizesOfItsOwn(node) || ValueSizes.SizesOf(node).Any(computed.Contains)
        || node.Subgraphs().Any(body => body.Nodes.Exists(inner => ChoosesByValue(inner, computed)));
}
