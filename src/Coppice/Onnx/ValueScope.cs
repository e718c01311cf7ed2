using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Values by name; a subgraph sees those of the graph around it too.</summary>
internal sealed class ValueScope(ValueScope? outer)
{
    private readonly Dictionary<string, Tensor?> _values = [];

    public void Add(string name, Tensor? value) => _values[name] = value;

    public Tensor? Find(string name) => _values.TryGetValue(name, out var value) ? value : outer?.Find(name);
}
