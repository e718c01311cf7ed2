using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>What a traced function returns: a tensor, a tuple of them, or tensors by name.</summary>
public sealed class TraceOutputs
{
    private TraceOutputs(IEnumerable<(string, Tensor)> tensors) => Tensors = [.. tensors];

    /// <summary>The tensors in order, by name.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Tensors { get; }

    /// <summary>One tensor, named <c>output</c>.</summary>
    public static TraceOutputs FromTensor(Tensor tensor) => new([("output", tensor)]);

    /// <summary>Several tensors, named <c>output_0</c>, <c>output_1</c> and so on.</summary>
    public static TraceOutputs FromTuple(IReadOnlyList<Tensor> tensors) => new(tensors.Select((tensor, i) => ($"output_{i}", tensor)));

    /// <summary>Tensors by name, in the order the dictionary gives them.</summary>
    public static TraceOutputs FromDictionary(IEnumerable<KeyValuePair<string, Tensor>> tensors) =>
        new(tensors.Select(entry => (entry.Key, entry.Value)));

    /// <inheritdoc cref="FromTensor"/>
    public static implicit operator TraceOutputs(Tensor tensor) => FromTensor(tensor);

    /// <inheritdoc cref="FromTuple"/>
    public static implicit operator TraceOutputs(Tensor[] tensors) => FromTuple(tensors);

    /// <inheritdoc cref="FromDictionary"/>
    public static implicit operator TraceOutputs(Dictionary<string, Tensor> tensors) => FromDictionary(tensors);
}
