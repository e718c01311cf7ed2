using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>Writes a graph anew for <see cref="InferenceModule"/>: its weights are constants, convolutions are fused with what follows.</summary>
internal sealed class InferenceRewriter
{
    private readonly Graph _graph;
    private readonly GraphBuilder _builder;
    private readonly ILookup<Value, Node> _readers;
    private readonly HashSet<Value> _results;
    private readonly Dictionary<Value, Value> _copies = [];
    private readonly Dictionary<Node, ConvFusion> _fused = [];

    public InferenceRewriter(Graph graph)
    {
        (_graph, _builder) = (graph, new GraphBuilder(new GraphState(), graph.Samples));
        _readers = graph.Nodes.SelectMany(node => node.Inputs.Select(input => (node, input))).ToLookup(pair => pair.input, pair => pair.node);
        _results = [.. graph.Outputs.Select(output => output.Value)];
    }

    public Graph Rewrite()
    {
        foreach (var input in _graph.Inputs)
            _copies.Add(input, _builder.Copy(input));
        foreach (var node in _graph.Nodes)
            Write(node);
        foreach (var (name, value) in _graph.Outputs)
            _builder.Output(name, Copy(value));
        return _builder.Build();
    }

    private void Write(Node node)
    {
        if (_fused.TryGetValue(node, out var before))
            WriteIfLast(before, node);
        else if (node.Op is not ViewOp && node.Sizes.All(size => size.Constant is not null) && node.Inputs.All(IsConstant))
            Fold(node);
        else if (ConvFusion.TryStart(node, Copy) is { } fusion)
        {
            _fused.Add(node, fusion);
            while (ReaderOf(fusion.Output) is { } reader && !_fused.ContainsKey(reader) && fusion.TryAbsorb(reader, Copy))
                _fused.Add(reader, fusion);
            WriteIfLast(fusion, node);
        }
        else if (IsNothing(node))
            _copies.Add(node.Outputs[0], Copy(node.Inputs[0]));
        else
            Set(node, _builder.Apply(node.Op, [.. node.Inputs.Select(Copy)], node.Sizes, node.Layer));
    }

    /// <summary>The fused node stands where its last op stood: by then all that it reads is computed.</summary>
    private void WriteIfLast(ConvFusion fusion, Node node)
    {
        if (node == fusion.Last)
            _copies.Add(fusion.Output, fusion.Write(_builder, Copy));
    }

    private void Fold(Node node) =>
        Set(node, [.. Op.Apply(node.Op, [.. node.Inputs.Select(input => ((StoredValue)Copy(input)).Tensor)]).Select(_builder.Constant)]);

    private void Set(Node node, IReadOnlyList<Value> outputs)
    {
        foreach (var (old, output) in node.Outputs.Zip(outputs))
            _copies.Add(old, output);
    }

    /// <summary>What stands for a value in the new graph.</summary>
    private Value Copy(Value value)
    {
        if (!_copies.TryGetValue(value, out var copy))
            _copies.Add(value, copy = _builder.Constant(((StoredValue)value).Tensor));
        return copy;
    }

    private bool IsConstant(Value value) => value is StoredValue || _copies.GetValueOrDefault(value) is ConstantValue;

    /// <summary>The only node that reads a value, or null.</summary>
    private Node? ReaderOf(Value value) => !_results.Contains(value) && _readers[value].Take(2).ToList() is [var reader] ? reader : null;

    /// <summary>Whether a node gives what it gets.</summary>
    public static bool IsNothing(Node node) => node.Op is Reshape && node.Inputs[0].Samples.SequenceEqual(node.Outputs[0].Samples);
}
