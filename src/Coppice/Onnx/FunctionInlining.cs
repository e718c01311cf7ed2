namespace Coppice.Onnx;

/// <summary>Puts the functions of a model's own in place of the nodes that call them.</summary>
/// <remarks>What a function names gets the caller's name in front, so that names stay unique; weights of its subgraphs keep theirs.</remarks>
internal sealed class FunctionInlining
{
    private readonly string _path;
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly HashSet<string> _taken;
    private readonly List<FunctionProto> _open = [];
    private int _nodes;

    private FunctionInlining(ModelProto model, string path)
    {
        _path = path;
        foreach (var function in model.Functions)
            if (!_functions.TryAdd((ModelProto.Canonical(function.Domain), function.Name ?? "", function.Overload ?? ""), function))
                throw Wrong($"there are two functions {Name(function)}");
        CheckVersions(model);
        _taken = [.. Prefixes(model.Graph!.Nodes), .. Prefixes(model.Graph.Initializers.Select(tensor => tensor.Name ?? "")),
            .. Prefixes(model.Graph.Inputs.Select(input => input.Name ?? ""))];
    }

    /// <summary>Changes a model in place, so that it has no functions.</summary>
    /// <exception cref="OnnxException">A function calls itself, is there twice, is of another version than the model, is called with more than it
    /// takes, or all of them would make too many nodes.</exception>
    public static void Apply(ModelProto model, string path)
    {
        if (model.Functions.Count == 0)
            return;
        var inlining = new FunctionInlining(model, path);
        inlining.Expand(model.Graph!.Nodes);
        foreach (var opset in model.Functions.SelectMany(function => function.OpsetImports))
            if (model.OpsetVersion(opset.Domain ?? "") is null)
                model.OpsetImports.Add(opset);
        model.Functions.Clear();
    }

    private static string Name(FunctionProto function) => $"{function.Domain}.{function.Name}";

    /// <summary>An operator of another version may mean something else.</summary>
    private void CheckVersions(ModelProto model)
    {
        var versions = new Dictionary<string, long?>();
        foreach (var opset in model.OpsetImports)
            versions[ModelProto.Canonical(opset.Domain)] = opset.Version;
        foreach (var function in model.Functions)
            foreach (var opset in function.OpsetImports)
                if (!versions.TryAdd(ModelProto.Canonical(opset.Domain), opset.Version) && versions[ModelProto.Canonical(opset.Domain)] != opset.Version)
                    throw Wrong($"function {Name(function)} is written in version {opset.Version} of '{ModelProto.Canonical(opset.Domain)}', the model in "
                        + $"{versions[ModelProto.Canonical(opset.Domain)]}, which is not supported");
    }

    /// <summary>Replaces calls in a list of nodes and in their subgraphs.</summary>
    private void Expand(List<NodeProto> nodes)
    {
        var expanded = new List<NodeProto>();
        foreach (var node in nodes)
        {
            if (++_nodes > OnnxLimits.InlinedNodes)
                throw Wrong($"its functions would make more than {OnnxLimits.InlinedNodes:N0} nodes");
            foreach (var graph in node.Subgraphs())
                Expand(graph.Nodes);
            if (_functions.TryGetValue((ModelProto.Canonical(node.Domain), node.OpType ?? "", node.Overload ?? ""), out var function))
                expanded.AddRange(Body(function, node));
            else
                expanded.Add(node);
        }
        nodes.Clear();
        nodes.AddRange(expanded);
    }

    private List<NodeProto> Body(FunctionProto function, NodeProto call)
    {
        if (_open.Contains(function))
            throw Wrong($"function {Name(function)} calls itself");
        if (_open.Count == OnnxLimits.Depth)
            throw Wrong($"functions call each other more than {OnnxLimits.Depth} deep");
        if (call.Inputs.Count > function.Inputs.Count || call.Outputs.Count > function.Outputs.Count)
            throw Wrong($"node {call} gives {call.Inputs.Count} inputs and takes {call.Outputs.Count} outputs; function {Name(function)} has "
                + $"{function.Inputs.Count} and {function.Outputs.Count}");
        var copy = new FunctionCopy(function, call, FreePrefix(call));
        List<NodeProto> body = [.. function.Nodes.Select(copy.Of)];
        body.AddRange(copy.PassedThrough());
        _taken.UnionWith(Prefixes(body));
        _open.Add(function);
        Expand(body);
        _open.RemoveAt(_open.Count - 1);
        return body;
    }

    private string FreePrefix(NodeProto call)
    {
        var wanted = call.Name is { Length: > 0 } name ? name : call.Outputs.FirstOrDefault() ?? call.OpType;
        var (prefix, number) = ($"{wanted}/", 2);
        while (!_taken.Add(prefix))
            prefix = $"{wanted}_{number++}/";
        return prefix;
    }

    private static IEnumerable<string> Prefixes(IEnumerable<NodeProto> nodes) => nodes.SelectMany(node => Prefixes(node.Outputs)
        .Concat(node.Subgraphs().SelectMany(graph => Prefixes(graph.Nodes))));

    /// <summary>What names begin with up to each stroke.</summary>
    private static IEnumerable<string> Prefixes(IEnumerable<string> names)
    {
        foreach (var name in names)
            for (var end = name.IndexOf('/', StringComparison.Ordinal); end >= 0; end = name.IndexOf('/', end + 1))
                yield return name[..(end + 1)];
    }

    private OnnxException Wrong(string problem) => new(_path, problem, "Export the model again, without functions.");
}
