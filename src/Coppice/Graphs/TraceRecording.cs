using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;
using Coppice.Tensors.Tracing;

namespace Coppice.Graphs;

/// <summary>Writes down the ops of one run of a model.</summary>
/// <param name="known">The tensors a graph has names for.</param>
/// <param name="tape">Watches every parameter the run uses, also those that no module registered.</param>
/// <param name="layers">Knows which layer runs.</param>
internal sealed class TraceRecording(IReadOnlyDictionary<Tensor, TraceLeaf> known, Tape tape, RunningLayers layers) : TraceScope
{
    private readonly Dictionary<Tensor, int> _numbers = [];
    private readonly List<(Tensor Tensor, int Version, TraceLeaf? Leaf)> _tensors = [];
    private readonly List<RecordedOp> _ops = [];

    public override void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var reads = new int[inputs.Length];
        for (var i = 0; i < reads.Length; i++)
            reads[i] = NumberOf(inputs[i], op.Name);
        var writes = new int[outputs.Length];
        for (var i = 0; i < writes.Length; i++)
            writes[i] = Add(outputs[i], null);
        _ops.Add(new(op, layers.Innermost, reads, writes));
    }

    /// <summary>What led to the outputs; ops that did not are left out.</summary>
    /// <exception cref="GraphException">An output was not computed by ops from what the graph has names for, or was written to since.</exception>
    public RecordedRun Finish(TraceOutputs outputs)
    {
        var results = new List<(string Name, int Tensor)>();
        foreach (var (name, tensor) in outputs.Tensors)
        {
            if (!_numbers.ContainsKey(tensor) && !known.ContainsKey(tensor))
                throw new GraphException($"Output '{name}', {tensor}, was not computed by ops while the trace ran: it is a constant, or was "
                    + "filled by other means (AsSpan, CopyFrom). Compute it with ops of Coppice.Tensors.");
            results.Add((name, NumberOf(tensor, $"output '{name}'")));
        }
        for (var number = 0; number < _tensors.Count; number++)
            if (_tensors[number].Leaf is TraceLeaf.Constant)
                CheckUnchanged(number, "the trace's end");
        return new RecordedRun([.. _tensors.Select(entry => entry.Leaf)], _ops, results).WithoutDead();
    }

    private int NumberOf(Tensor tensor, string reader)
    {
        if (!_numbers.TryGetValue(tensor, out var number))
            return Add(tensor, known.GetValueOrDefault(tensor) ?? ConstantOf(tensor, reader));
        CheckUnchanged(number, reader);
        return number;
    }

    private int Add(Tensor tensor, TraceLeaf? leaf)
    {
        _numbers.Add(tensor, _tensors.Count);
        _tensors.Add((tensor, tensor.Version, leaf));
        return _tensors.Count - 1;
    }

    private void CheckUnchanged(int number, string reader)
    {
        var (tensor, version, leaf) = _tensors[number];
        if (tensor.Version != version)
            throw new GraphException($"{reader} reads {tensor} ({DescriptionOf(leaf)}), which was opened for writing since it was made or "
                + "first read (AsSpan, CopyFrom, AddInPlace; a KvCache does so). A graph can't repeat that: compute it with ops, or trace "
                + "without the cache.");
    }

    private TraceLeaf.Constant ConstantOf(Tensor tensor, string reader)
    {
        foreach (var (other, leaf) in known)
            if (other.SharesMemoryWith(tensor))
                throw new GraphException($"{reader} reads {tensor}, a view of {DescriptionOf(leaf)} that was made before the trace began. Make "
                    + "views inside of the traced function, so that the graph sees where they come from.");
        if (tape.Tracks(tensor))
            throw new GraphException($"{reader} reads the value of a parameter, {tensor}, that neither the traced module nor one below it "
                + "registered. Register it, so that the graph has a name for it.");
        return new(TensorScope.Detach(tensor));
    }

    private static string DescriptionOf(TraceLeaf? leaf) => leaf switch
    {
        TraceLeaf.Input input => $"input {input.Number}",
        TraceLeaf.Stored parameter => $"parameter {parameter.Name}",
        TraceLeaf.Buffer buffer => $"buffer {buffer.Name}",
        TraceLeaf.Constant => "a constant",
        _ => "computed by an op",
    };
}
