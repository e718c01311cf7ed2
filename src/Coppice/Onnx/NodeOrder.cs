namespace Coppice.Onnx;

/// <summary>Puts nodes behind those whose outputs they read, as ONNX demands; converters that insert casts append them to the end.</summary>
internal static class NodeOrder
{
    /// <summary>Sorts a graph and its subgraphs in place; nodes that are in order keep their places.</summary>
    /// <exception cref="OnnxException">Nodes read each other's outputs in a circle.</exception>
    public static void Sort(GraphProto graph, string path)
    {
        foreach (var inner in graph.Nodes.SelectMany(node => node.Subgraphs()))
            Sort(inner, path);
        var makers = new Dictionary<string, int>();
        foreach (var (place, node) in graph.Nodes.Index())
            foreach (var output in node.Outputs)
                makers.TryAdd(output, place);
        var before = graph.Nodes.Select(node => node.Reads().Where(makers.ContainsKey).Select(name => makers[name]).ToHashSet()).ToList();
        if (before.Index().Any(entry => entry.Item.Any(maker => maker >= entry.Index)))
            Sort(graph, before, path);
    }

    private static void Sort(GraphProto graph, List<HashSet<int>> before, string path)
    {
        var behind = before.SelectMany((makers, place) => makers.Select(maker => (maker, place))).ToLookup(pair => pair.maker, pair => pair.place);
        var waiting = before.Select(makers => makers.Count).ToArray();
        var ready = new PriorityQueue<int, int>(waiting.Index().Where(entry => entry.Item == 0).Select(entry => (entry.Index, entry.Index)));
        var sorted = new List<NodeProto>(graph.Nodes.Count);
        while (ready.TryDequeue(out var place, out _))
        {
            sorted.Add(graph.Nodes[place]);
            foreach (var reader in behind[place])
                if (--waiting[reader] == 0)
                    ready.Enqueue(reader, reader);
        }
        if (sorted.Count < graph.Nodes.Count)
            throw new OnnxException(path, $"node {graph.Nodes[Array.FindIndex(waiting, count => count > 0)]} reads what follows from its own output",
                "Export the model again; loops are written with Loop or Scan.");
        graph.Nodes.Clear();
        graph.Nodes.AddRange(sorted);
    }
}
