using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Depth;

namespace Coppice.Pruning.Onnx;

/// <summary>The residual blocks of a file: what they are called there, and the file without them.</summary>
internal sealed class FileBlocks
{
    private readonly GraphProto _graph;
    private readonly FileValues _values;
    private readonly Dictionary<Value, NodeProto> _sums = [];
    private readonly Dictionary<Value, string> _terms = [];

    /// <param name="graph">The file's main graph.</param>
    /// <param name="values">Its values by their names.</param>
    public FileBlocks(GraphProto graph, FileValues values)
    {
        (_graph, _values) = (graph, values);
        foreach (var node in graph.Nodes.Where(node => node.OpType is "Add" or "Sum"))
        {
            if (ValueOf(node.Outputs[0]) is { } sum)
                _sums.TryAdd(sum, node);
            foreach (var name in node.Inputs)
                if (ValueOf(name) is { } term)
                    _terms.TryAdd(term, name);
        }
    }

    /// <summary>Those that nodes of the main graph add, by the names of the sums; what a branch or body adds may be another thing next time.</summary>
    public IReadOnlyList<ResidualBlock> Named(IEnumerable<ResidualBlock> blocks) =>
        [.. blocks.Where(block => _sums.ContainsKey(block.Sum) && _terms.ContainsKey(block.Skip))
            .Select(block => block with { Name = _sums[block.Sum].Outputs[0] })];

    /// <summary>Lets what reads the sums read the skips, and takes away what nothing needs any more.</summary>
    public void Remove(IReadOnlyList<ResidualBlock> blocks)
    {
        var (needed, instead) = (Needed(), new Dictionary<string, string>());
        foreach (var block in blocks)
            instead.Add(_sums[block.Sum].Outputs[0], SkipOf(block));
        JoinRectifiers(instead);
        foreach (var scope in new FileScope(_graph).All().ToList())
            Rewire(scope, instead);
        KeepOutputs(instead);
        SizeConstants.RemoveUnread(_graph, needed);
        var left = _graph.Reads().ToHashSet();
        _graph.ValueInfos.RemoveAll(info => !left.Contains(info.Name ?? ""));
    }

    /// <summary>Lets nodes of a graph, and the outputs of a branch or body, read other values; not those that it or one around it has of its own
    /// under such a name.</summary>
    private void Rewire(FileScope scope, Dictionary<string, string> instead)
    {
        var own = scope.Chain().Where(around => around.Graph != _graph).SelectMany(around => around.Graph.OwnNames()).ToHashSet();
        foreach (var node in scope.Graph.Nodes)
            for (var i = 0; i < node.Inputs.Count; i++)
                node.Inputs[i] = Other(node.Inputs[i]);
        if (scope.Graph != _graph)
            foreach (var output in scope.Graph.Outputs)
                output.Name = Other(output.Name ?? "");

        string Other(string name) => own.Contains(name) ? name : Resolve(instead, name);
    }

    /// <summary>What the sum itself reads, which has its type: a value may have several names, before and behind a cast between floats too.</summary>
    private string SkipOf(ResidualBlock block) =>
        _sums[block.Sum].Inputs.Find(name => ValueOf(name) == block.Skip) ?? _terms[block.Skip];

    private Value? ValueOf(string name) => _values.Find(new(_graph), name);

    /// <summary>A ReLU after a sum that is gone does nothing where what it reads now has been through one.</summary>
    private void JoinRectifiers(Dictionary<string, string> instead)
    {
        var rectified = new HashSet<string>();
        foreach (var node in _graph.Nodes)
            if (node is { OpType: "Relu", Inputs: [var input], Outputs: [var output] })
            {
                rectified.Add(output);
                if (instead.ContainsKey(input) && rectified.Contains(Resolve(instead, input)))
                    instead.Add(output, input);
            }
    }

    /// <summary>Outputs of the model keep their names.</summary>
    private void KeepOutputs(Dictionary<string, string> instead)
    {
        foreach (var output in _graph.Outputs)
            if (instead.ContainsKey(output.Name ?? ""))
            {
                var node = _graph.Nodes.Find(node => node.Outputs.Contains(output.Name!))!;
                node.OpType = "Identity";
                node.Domain = null;
                node.Attributes.Clear();
                node.Inputs.Clear();
                node.Inputs.Add(Resolve(instead, output.Name!));
            }
    }

    /// <summary>Names of all that something reads, and of what is made beside it.</summary>
    private HashSet<string> Needed()
    {
        var read = _graph.Reads().ToHashSet();
        return [.. read, .. new FileScope(_graph).All().SelectMany(scope => scope.Graph.Nodes).Where(node => node.Outputs.Exists(read.Contains))
            .SelectMany(node => node.Outputs)];
    }

    private static string Resolve(Dictionary<string, string> instead, string name)
    {
        while (instead.TryGetValue(name, out var other))
            name = other;
        return name;
    }
}
