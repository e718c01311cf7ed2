namespace Coppice.Onnx;

/// <summary>The nodes of a function under the names, and with the attributes, of one call.</summary>
/// <param name="function">The function.</param>
/// <param name="call">The node that calls it.</param>
/// <param name="prefix">What the names of the function's own values get in front.</param>
internal sealed class FunctionCopy(FunctionProto function, NodeProto call, string prefix)
{
    private readonly Dictionary<string, string> _names = Names(function, call);

    /// <summary>A node of the body.</summary>
    public NodeProto Of(NodeProto node) => Of(node, []);

    /// <summary>Outputs that are inputs, or are named twice: they have a name already.</summary>
    public IEnumerable<NodeProto> PassedThrough()
    {
        for (var i = 0; i < call.Outputs.Count; i++)
            if (call.Outputs[i].Length > 0 && Renamed(function.Outputs[i], []) is var name && name != call.Outputs[i])
            {
                var node = new NodeProto { OpType = "Identity" };
                node.Inputs.Add(name);
                node.Outputs.Add(call.Outputs[i]);
                yield return node;
            }
    }

    private static Dictionary<string, string> Names(FunctionProto function, NodeProto call)
    {
        var names = new Dictionary<string, string> { [""] = "" };
        for (var i = 0; i < function.Inputs.Count; i++)
            names[function.Inputs[i]] = i < call.Inputs.Count ? call.Inputs[i] : "";
        for (var i = 0; i < call.Outputs.Count; i++)
            if (call.Outputs[i].Length > 0)
                names.TryAdd(function.Outputs[i], call.Outputs[i]);
        return names;
    }

    /// <param name="node">The node.</param>
    /// <param name="kept">Names of weights of the subgraphs around it.</param>
    private NodeProto Of(NodeProto node, HashSet<string> kept)
    {
        var copy = new NodeProto
        {
            OpType = node.OpType,
            Domain = node.Domain,
            Overload = node.Overload,
            Name = prefix + (string.IsNullOrEmpty(node.Name) ? node.OpType : node.Name),
        };
        copy.Inputs.AddRange(node.Inputs.Select(name => Renamed(name, kept)));
        copy.Outputs.AddRange(node.Outputs.Select(name => Renamed(name, kept)));
        copy.Attributes.AddRange(node.Attributes.Select(attribute => Of(attribute, kept)).OfType<AttributeProto>());
        return copy;
    }

    private string Renamed(string name, HashSet<string> kept) => kept.Contains(name) ? name : _names.GetValueOrDefault(name) ?? prefix + name;

    /// <summary>An attribute; where it takes its value from the caller that one, the default, or none.</summary>
    private AttributeProto? Of(AttributeProto attribute, HashSet<string> kept)
    {
        if (attribute.RefAttrName is { Length: > 0 } name)
            return (call.Attribute(name) ?? function.Defaults.Find(value => value.Name == name))?.Copy(attribute.Name);
        var copy = attribute.Copy(attribute.Name);
        if (attribute.Graph is { } graph)
            copy.Graph = Of(graph, kept);
        return copy;
    }

    private GraphProto Of(GraphProto graph, HashSet<string> around)
    {
        var kept = around.Concat(graph.Initializers.Select(tensor => tensor.Name ?? "")).ToHashSet();
        var copy = new GraphProto { Name = graph.Name };
        copy.Initializers.AddRange(graph.Initializers);
        copy.Inputs.AddRange(graph.Inputs.Select(input => new ValueInfoProto { Name = Renamed(input.Name ?? "", kept), Type = input.Type }));
        copy.Outputs.AddRange(graph.Outputs.Select(output => new ValueInfoProto { Name = Renamed(output.Name ?? "", kept), Type = output.Type }));
        copy.Nodes.AddRange(graph.Nodes.Select(node => Of(node, kept)));
        return copy;
    }
}
