using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Told of a node that ran.</summary>
/// <param name="path">Path of its graph.</param>
/// <param name="node">The node.</param>
/// <param name="inputs">What it read.</param>
/// <param name="outputs">What it made.</param>
internal delegate void NodeObserver(string path, NodeProto node, Tensor?[] inputs, Tensor?[] outputs);

/// <summary>Values by name; a subgraph sees those of the graph around it too.</summary>
/// <param name="outer">The graph around it.</param>
/// <param name="path">What tells the values of one graph from those of another: empty, or nodes and branches that lead there.</param>
internal sealed class ValueScope(ValueScope? outer, string path = "")
{
    private readonly Dictionary<string, Tensor?> _values = [];

    /// <summary>Told each value of this graph and those in it, by path and name.</summary>
    public Action<string, Tensor>? Watch { get; init; } = outer?.Watch;

    /// <summary>Sees each node of this graph before it runs with what it reads, and may put other tensors there.</summary>
    public Action<NodeProto, Tensor?[]>? Prepare { get; init; }

    /// <summary>Sees what each node of this graph and those in it read and made, and may put other tensors in place of these.</summary>
    public NodeObserver? Revise { get; init; } = outer?.Revise;

    /// <summary>What the names of its values are prefixed with.</summary>
    public string Path => path;

    /// <summary>The path of a subgraph.</summary>
    public static string PathOf(string outer, NodeProto node, string attribute) => $"{outer}{node.Outputs.FirstOrDefault()}.{attribute}/";

    /// <summary>The scope of a subgraph in this one.</summary>
    public ValueScope Inner(NodeProto node, string attribute) => new(this, PathOf(path, node, attribute));

    public void Add(string name, Tensor? value)
    {
        _values[name] = value;
        if (value is not null && name.Length > 0)
            Watch?.Invoke(path + name, value);
    }

    /// <summary>Forgets a value of this graph, and gives it; null where it has none.</summary>
    public Tensor? Remove(string name) => _values.Remove(name, out var value) ? value : null;

    /// <summary>Whether a value that is known here is a view of a tensor's memory.</summary>
    public bool ShareMemoryWith(Tensor tensor) =>
        _values.Values.Any(value => value?.SharesMemoryWith(tensor) == true) || outer?.ShareMemoryWith(tensor) == true;

    public Tensor? Find(string name) => _values.TryGetValue(name, out var value) ? value : outer?.Find(name);
}
