using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Pruning.Onnx;

/// <summary>The tensors of sizes and positions that nodes of a model read: known numbers, or computed when the model runs.</summary>
/// <remarks>What is changed gets a copy of its own, since other nodes may read the same numbers.</remarks>
internal sealed class SizeConstants(Additions additions, FileScope scope)
{
    /// <summary>The numbers of a value; null where they are computed from others.</summary>
    public long[]? Find(string name) => Known(name) ?? (Producer(name) is { } node && KeepsNumbers(node) ? Find(node.Inputs[0]) : null);

    /// <summary>The value with some numbers replaced where they are constants; what is computed from sizes follows by itself.</summary>
    /// <param name="name">The value.</param>
    /// <param name="edits">New numbers by position.</param>
    /// <param name="count">How many numbers it has.</param>
    /// <param name="reader">The node that reads it.</param>
    /// <returns>Name of the new value, or of the old one where nothing was to be changed.</returns>
    public string Edit(string name, IReadOnlyDictionary<int, long> edits, int count, NodeProto reader)
    {
        if (edits.Count == 0)
            return name;
        if (Known(name) is { } values)
            return Replace(name, Tensor.From<long>([.. values.Select((value, i) => edits.GetValueOrDefault(i, value))],
                Stored(name) is { Dims.Count: 0 } ? [] : [values.Length]));
        if (Producer(name) is not { } producer)
            return name;
        return producer.OpType == "Concat" ? Rewire(producer, EditedPieces(producer, edits, count, reader), reader)
            : KeepsNumbers(producer) ? Rewire(producer, [Edit(producer.Inputs[0], edits, count, reader), .. producer.Inputs.Skip(1)], reader)
            : name;
    }

    /// <summary>A new constant in place of another value.</summary>
    public string Replace(string name, Tensor values) => additions.Store(name, values);

    /// <summary>Removes the nodes and constants that nothing reads any more, and what only those read.</summary>
    public static void RemoveUnread(GraphProto main, IReadOnlySet<string> before)
    {
        var (read, removed) = (main.Reads().ToHashSet(), 0);
        foreach (var graph in new FileScope(main).All().Select(scope => scope.Graph).ToList())
        {
            removed += graph.Nodes.RemoveAll(node =>
                node.Outputs.Count > 0 && node.Outputs.All(output => before.Contains(output) && !read.Contains(output)));
            var gone = graph.Initializers.Select(tensor => tensor.Name ?? "").Where(name => before.Contains(name) && !read.Contains(name)).ToHashSet();
            removed += graph.Initializers.RemoveAll(tensor => gone.Contains(tensor.Name ?? ""));
            graph.Inputs.RemoveAll(input => gone.Contains(input.Name ?? ""));
        }
        if (removed > 0)
            RemoveUnread(main, before);
    }

    private static bool KeepsNumbers(NodeProto node) => node.OpType is "Cast" or "Identity" or "Squeeze" or "Unsqueeze";

    private long[]? Known(string name)
    {
        if (Constant(name)?.Attribute("value_ints") is { } numbers)
            return [.. numbers.Ints];
        var tensor = Stored(name);
        return tensor is { DataType: TensorDataType.Int64 or TensorDataType.Int32 }
            ? tensor.Source().ToTensor().Cast(DType.I64).ToArray<long>()
            : null;
    }

    private NodeProto? Producer(string name) => name.Length == 0 ? null
        : scope.Chain().SelectMany(graph => graph.Graph.Nodes).FirstOrDefault(node => node.Outputs.Contains(name));

    private NodeProto? Constant(string name) => Producer(name) is { OpType: "Constant" } node ? node : null;

    private TensorProto? Stored(string name) =>
        scope.Chain().SelectMany(graph => graph.Graph.Initializers).FirstOrDefault(tensor => tensor.Name == name) ?? Constant(name)?.Attribute("value")?.Tensor;

    private List<string> EditedPieces(NodeProto concat, IReadOnlyDictionary<int, long> edits, int count, NodeProto reader)
    {
        var sizes = concat.Inputs.Select(input => Find(input)?.Length).ToList();
        // One size at a time is computed, or all the rest at once.
        var rest = sizes.Count(size => size is null) == 1 ? count - sizes.Sum(size => size ?? 0) : 1;
        var (pieces, start) = (new List<string>(), 0);
        for (var i = 0; i < sizes.Count; i++)
        {
            var (first, size) = (start, sizes[i] ?? rest);
            var known = Find(concat.Inputs[i]);
            // -1 and 0 say the same as before.
            var own = edits.Where(edit => edit.Key >= first && edit.Key < first + size
                && known?[edit.Key - first] is not (-1 or 0))
                .ToDictionary(edit => edit.Key - first, edit => edit.Value);
            pieces.Add(Edit(concat.Inputs[i], own, size, reader));
            start += size;
        }
        return pieces;
    }

    /// <summary>A copy of a node that reads other values, put in front of the reader.</summary>
    private string Rewire(NodeProto node, List<string> inputs, NodeProto reader)
    {
        if (inputs.SequenceEqual(node.Inputs))
            return node.Outputs[0];
        var copy = new NodeProto { OpType = node.OpType, Domain = node.Domain };
        copy.Inputs.AddRange(inputs);
        copy.Attributes.AddRange(node.Attributes);
        copy.Outputs.Add(additions.FreeName(node.Outputs[0]));
        scope.Graph.Nodes.Insert(scope.Graph.Nodes.IndexOf(reader), copy);
        return copy.Outputs[0];
    }
}
