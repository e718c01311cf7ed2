namespace Coppice.Onnx;

/// <summary>Tells after which node a value is not needed any more.</summary>
internal static class LastReads
{
    /// <summary>For each node what nodes made and none reads behind it; outputs of the graph are not among them.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Of(GraphProto graph, List<NodeProto> nodes)
    {
        var last = new Dictionary<string, int>();
        foreach (var (place, node) in nodes.Index())
        {
            foreach (var output in node.Outputs)
                last[output] = place;
            foreach (var name in node.ReadsOfItsGraph())
                if (last.ContainsKey(name))
                    last[name] = place;
        }
        foreach (var output in graph.Outputs)
            last.Remove(output.Name ?? "");
        var spent = last.ToLookup(entry => entry.Value, entry => entry.Key);
        return [.. nodes.Select((_, place) => (IReadOnlyList<string>)[.. spent[place]])];
    }
}
