using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Onnx.Operators;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Onnx;

/// <summary>What an ONNX model takes or gives.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="DType">Element type, or null where the file does not say it or it is no tensor.</param>
/// <param name="Dims">Sizes of the axes, or null where not even their number is known.</param>
public sealed record OnnxValue(string Name, DType? DType, IReadOnlyList<Dimension>? Dims)
{
    /// <summary>Form for messages: <c>images F32 [batch, 3, 224, 224]</c>.</summary>
    public override string ToString() => $"{Name} {DType} [{(Dims is null ? "..." : string.Join(", ", Dims))}]";
}

/// <summary>
/// Runs an ONNX model by applying the engine's ops node after node, so that gradients, training, masks and traces work in it.
/// </summary>
/// <remarks>
/// Float initializers are parameters under their names in the file, other initializers are buffers. F16 and BF16 become parameters of F32, which
/// nodes read rounded to the file's type, as in training with mixed precision. Shape arithmetic runs as ops on I64
/// tensors, and sizes that nodes read from tensors become attributes of ops, as in an eager model: a trace sees both.
/// </remarks>
public sealed class OnnxModule : Module
{
    private readonly string _path;
    private readonly GraphProto _graph;
    private readonly Context _context;
    private readonly ValueScope _constants = new(null);
    private readonly List<NodeProto> _nodes;
    private readonly Dictionary<string, DType> _types = [];
    private readonly HashSet<DType> _single;
    private long _foldable;

    /// <summary>
    /// Loads the weights of an opened file, which may be closed afterwards, and computes what follows from constants alone.
    /// </summary>
    /// <exception cref="OnnxException">
    /// A tensor can't be read, or the model uses operators that are not supported; all are named.
    /// </exception>
    public OnnxModule(OnnxFile file) : this(file.Model, file.Path)
    {
    }

    /// <summary>The same for a model that was changed, or is part of another.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file that messages name.</param>
    /// <param name="inSingle">Whether F16 and BF16 are computed as F32 throughout, so that nothing is rounded to them, and F64 if it has weights
    /// of them, which become parameters too.</param>
    internal OnnxModule(ModelProto model, string path, bool inSingle = false)
    {
        (_graph, _path) = (model.Graph!, path);
        _single = !inSingle ? [] : HasDoubleWeights(_graph) ? [DType.F16, DType.BF16, DType.F64] : [DType.F16, DType.BF16];
        CheckOperators();
        CheckTypes();
        _context = new(this, model.OpsetVersion() ?? throw Wrong("the model names no version of ONNX's own operators"), _graph);
        foreach (var initializer in _graph.Initializers)
            Load(initializer);
        var known = _graph.Initializers.Select(tensor => tensor.Name).ToHashSet();
        Inputs = [.. _graph.Inputs.Where(input => !known.Contains(input.Name)).Select(Describe)];
        Outputs = [.. _graph.Outputs.Select(Describe)];
        _foldable = OnnxLimits.FoldedBytes(TensorWalk.Of(_graph).Sum(tensor => tensor.Source().ByteLength));
        _nodes = [.. _graph.Nodes.Where(node => !TryFold(node))];
    }

    /// <summary>The file it was loaded from.</summary>
    public string Path => _path;

    internal GraphProto Graph => _graph;

    /// <summary>What the caller gives, in order; values that the file initializes are not among them.</summary>
    public IReadOnlyList<OnnxValue> Inputs { get; }

    /// <summary>What the caller gets, in order.</summary>
    public IReadOnlyList<OnnxValue> Outputs { get; }

    /// <summary>Whether sizes that nodes ask for are constants: a trace of it holds for inputs of these sizes alone.</summary>
    internal bool HasFixedSizes { get; init; }

    /// <summary>Constants of branches and bodies, which no op makes.</summary>
    internal IReadOnlyCollection<Tensor> InnerConstants => _context.Tensors;

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">As many tensors as <see cref="Inputs"/>, in their order; for a sequence what stands for it
    /// (<see cref="OnnxSequence"/>).</param>
    /// <returns>One tensor for each of <see cref="Outputs"/>, in their order.</returns>
    /// <exception cref="ArgumentException">Number, type or shape of the inputs is not the model's.</exception>
    /// <exception cref="OnnxException">A node can't compute what it is asked to; the message names it.</exception>
    public Tensor[] Forward(params IReadOnlyList<Tensor> inputs) => Forward(inputs, null);

    /// <summary>The model as it is now, made ready for evaluation alone: faster, its weights fixed, without gradients.</summary>
    /// <param name="inputs">Examples of the inputs, in their order; axes that shall have any size are named.</param>
    /// <exception cref="GraphException">What the model computes depends on values in a way that a graph can't say.</exception>
    public InferenceModule Optimized(params IReadOnlyList<TraceInput> inputs) => new(GraphTracer.Trace(this, Traceable, inputs));

    /// <summary>What it gives by name; tensors of a sequence each by a name of its own.</summary>
    internal IEnumerable<(string Name, Tensor Value)> Named(IReadOnlyList<Tensor> outputs) =>
        OnnxSequence.Spread(Outputs.Zip(outputs, (output, tensor) => (output.Name, tensor)));

    private TraceOutputs Traceable(IReadOnlyList<Tensor> inputs) =>
        TraceOutputs.FromDictionary(Named(Forward(inputs)).Select(output => KeyValuePair.Create(output.Name, output.Value)));

    /// <summary>The same, telling each value of the graph, weights too, by its name in the file; those of subgraphs with a path.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="watch">Told each value.</param>
    /// <param name="prepare">Sees each node of the main graph before it runs with what it reads, and may put other tensors there.</param>
    /// <param name="revise">Sees what each node read and made, in subgraphs too, and may put other tensors in place of these.</param>
    /// <param name="recycles">Whether values go after their last reader, which takes far less memory; then nobody may keep them, not even for
    /// gradients.</param>
    internal Tensor[] Forward(IReadOnlyList<Tensor> inputs, Action<string, Tensor>? watch, Action<NodeProto, Tensor?[]>? prepare = null,
        NodeObserver? revise = null, bool recycles = false)
    {
        if (inputs.Count != Inputs.Count)
            throw new ArgumentException($"The model takes {string.Join(", ", Inputs)}; {inputs.Count} tensors are given.", nameof(inputs));
        var values = new ValueScope(_constants) { Watch = watch, Prepare = prepare, Revise = revise };
        foreach (var (name, parameter) in Parameters)
            values.Add(name, _single.Contains(_types[name]) ? parameter.Value : parameter.Value.Cast(_types[name]));
        for (var i = 0; i < inputs.Count; i++)
        {
            Check(Inputs[i], inputs[i]);
            values.Add(Inputs[i].Name, Widened(inputs[i]));
        }
        return [.. (recycles && !HasSequences ? RunRecycling(values) : Run(_graph, _nodes, values)).Select(output => output!)];
    }

    /// <summary>Writes the file it was loaded from with its present weights, masks applied; everything else stays as it is.</summary>
    /// <param name="path">The new file.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <exception cref="CheckpointException">The output exists or is the model's own file, or its folder does not exist.</exception>
    public void Save(string path, bool overwrite = false)
    {
        using var weights = OnnxWeights.Open(_path);
        weights.Save(path, Parameters.Select(entry => TensorSource.From(entry.Key, entry.Value.Value.Cast(_types[entry.Key]))), new() { Overwrite = overwrite });
    }

    private Tensor?[] RunRecycling(ValueScope values)
    {
        using var paused = Tape.Pause(); // a tape would keep them
        using var scope = new TensorScope();
        var outputs = Run(_graph, _nodes, values, scope);
        foreach (var output in outputs)
            scope.Keep(output!);
        return outputs;
    }

    /// <summary>Runs nodes; with a scope, which the values then belong to, it drops them after their last reader.</summary>
    private Tensor?[] Run(GraphProto graph, List<NodeProto> nodes, ValueScope values, TensorScope? scope = null)
    {
        var spent = scope is null ? null : LastReads.Of(graph, nodes);
        foreach (var (place, node) in nodes.Index())
        {
            var outputs = scope is null ? Apply(node, values) : ApplyAlone(node, values);
            for (var i = 0; i < Math.Min(outputs.Length, node.Outputs.Count); i++)
                values.Add(node.Outputs[i], outputs[i]);
            foreach (var name in spent?[place] ?? [])
                if (values.Remove(name) is { } tensor && !values.ShareMemoryWith(tensor))
                    scope!.Release(tensor);
        }
        return [.. graph.Outputs.Select(output => values.Find(output.Name ?? "")
            ?? throw Wrong($"output '{output.Name}' of graph '{graph.Name}' is computed by no node"))];
    }

    /// <summary>The same without what the operator computed on the way.</summary>
    private Tensor?[] ApplyAlone(NodeProto node, ValueScope values)
    {
        using var scope = new TensorScope();
        var outputs = Apply(node, values);
        foreach (var output in outputs)
            if (output is not null)
                scope.Keep(output);
        return outputs;
    }

    private Tensor?[] Apply(NodeProto node, ValueScope values) => Explained(node, () =>
    {
        var inputs = node.Inputs.Select(name => name.Length == 0 ? null : values.Find(name)
            ?? throw new NotSupportedException($"its input '{name}' is computed by no node before it")).ToArray();
        var odd = Array.FindIndex(inputs, input => input is not null && OnnxSequence.IsStandIn(input));
        if (odd >= 0 && !Sequences.Takes(node))
            throw new NotSupportedException($"its input '{node.Inputs[odd]}' is a sequence or optional, and it takes tensors");
        values.Prepare?.Invoke(node, inputs);
        var outputs = OperatorTable.Find(node)!(new(node, inputs, values, _context));
        values.Revise?.Invoke(values.Path, node, inputs, outputs);
        return outputs;
    });

    /// <summary>Work for a node, whose errors name it.</summary>
    private T Explained<T>(NodeProto node, Func<T> work)
    {
        var outer = RunningPart.Current;
        RunningPart.Current = node;
        try
        {
            return work();
        }
        catch (OutOfMemoryException error)
        {
            var problem = error is InsufficientMemoryException ? error.Message : "there is not enough memory for what it makes";
            throw new OnnxException(_path, $"node {node}: {problem}", "Check the sizes it is given, or export the model again.", error);
        }
        catch (Exception error) when (error is Tensors.Ops.OpException or NotSupportedException or ArgumentException or ArithmeticException
            or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new OnnxException(_path, $"node {node}: {error.Message.TrimEnd('.')}",
                "Check the inputs' sizes (on the command line: --input NAME=1x3x224x224), or export the model again.", error);
        }
        finally
        {
            RunningPart.Current = outer;
        }
    }

    /// <summary>Computes a node now if all it reads is known before any input is.</summary>
    private bool TryFold(NodeProto node)
    {
        if (node.Inputs.Any(name => name.Length > 0 && _constants.Find(name) is null)
            || node.Subgraphs().Any() || Sequences.Operators.ContainsKey(node.OpType!))
            return false;
        using var scope = new TensorScope(_foldable);
        var outputs = Explained(node, () => Apply(node, _constants).Take(node.Outputs.Count).Select(output => output?.Contiguous()).ToList());
        foreach (var (name, output) in node.Outputs.Zip(outputs))
            if (output is not null)
                _constants.Add(name, TensorScope.Detach(output));
        _foldable = scope.BytesLeft;
        return true;
    }

    private void Load(TensorProto initializer)
    {
        var name = initializer.Name is { Length: > 0 } given ? given : throw Wrong("an initializer has no name");
        if (Parameters.ContainsKey(name) || Buffers.ContainsKey(name))
            throw Wrong($"there are two initializers '{name}'");
        var tensor = initializer.Source().ToTensor();
        if (tensor.DType == DType.F32 || tensor.DType.IsHalf() || _single.Contains(tensor.DType))
        {
            Register(name, new Parameter(TensorScope.Detach(tensor.Cast(DType.F32))));
            _types.Add(name, tensor.DType);
        }
        else
            _constants.Add(name, RegisterBuffer(name, tensor));
    }

    private Tensor Widened(Tensor tensor) => _single.Contains(tensor.DType) ? tensor.Cast(DType.F32) : tensor;

    /// <summary>F64 without matrices are numbers that sizes are computed with, which F32 could round to others.</summary>
    private static bool HasDoubleWeights(GraphProto graph) =>
        TensorWalk.Of(graph).Any(tensor => tensor is { DataType: TensorDataType.Double, Dims.Count: > 1 });

    private void CheckOperators()
    {
        var unknown = NodesOf(_graph).Where(node => OperatorTable.Find(node) is null)
            .Select(node => string.IsNullOrEmpty(node.Domain) ? $"{node.OpType}" : $"{node.Domain}.{node.OpType}")
            .CountBy(name => name).Select(entry => entry.Value == 1 ? entry.Key : $"{entry.Key} ({entry.Value} times)").ToList();
        if (unknown.Count > 0)
            throw new OnnxException(_path, $"operators that are not supported: {string.Join(", ", unknown)}",
                "Export the model without them, or with a lower opset that spells them out.");
    }

    private void CheckTypes()
    {
        if (_graph.Inputs.Concat(_graph.Outputs).FirstOrDefault(value => value.Type is { Tensor: null, IsSequence: false, IsOptional: false }) is { } odd)
            throw Wrong($"'{odd.Name}' is no tensor; maps and sparse tensors are not supported");
    }

    private static IEnumerable<NodeProto> NodesOf(GraphProto graph) => graph.Nodes.Concat(
        graph.Nodes.SelectMany(node => node.Subgraphs()).SelectMany(NodesOf));

    private bool HasSequences => _graph.Nodes.Exists(node => Sequences.Operators.ContainsKey(node.OpType!));

    private static OnnxValue Describe(ValueInfoProto value)
    {
        var tensor = value.Type?.Tensor;
        DType? dtype = tensor?.ElementType is { } type && type.TryToDType(out var known) ? known : null;
        return new(value.Name ?? "", dtype, tensor?.Shape?.Dims);
    }

    private static void Check(OnnxValue input, Tensor tensor)
    {
        var fits = (input.DType is null || input.DType == tensor.DType) && (input.Dims is null || input.Dims.Count == tensor.Shape.Rank);
        for (var axis = 0; fits && axis < input.Dims?.Count; axis++)
            fits = input.Dims[axis].Value is not > 0 || input.Dims[axis].Value == tensor.Shape[axis];
        if (!fits)
            throw new ArgumentException($"The model's input {input} is given as {tensor}; give it that type and those sizes.");
    }

    private OnnxException Wrong(string problem) => new(_path, problem, "Export the model again.");

    /// <summary>What operators see of the model; tensors in subgraphs are loaded once.</summary>
    private sealed class Context : IModelContext
    {
        private readonly OnnxModule _module;
        private readonly Dictionary<TensorProto, Tensor> _tensors = [];

        public Context(OnnxModule module, long version, GraphProto graph)
        {
            (_module, Version) = (module, version);
            var own = graph.Initializers.ToHashSet();
            foreach (var tensor in TensorWalk.Of(graph).Where(tensor => !own.Contains(tensor)))
                _tensors.Add(tensor, TensorScope.Detach(module.Widened(tensor.Source().ToTensor())));
        }

        public long Version { get; }

        public IReadOnlyCollection<Tensor> Tensors => _tensors.Values;

        public bool HasFixedSizes => _module.HasFixedSizes;

        public bool IsSingle(DType dtype) => _module._single.Contains(dtype);

        public Tensor Load(TensorProto tensor) => _tensors[tensor];

        public Tensor?[] Run(GraphProto body, IReadOnlyList<Tensor?> arguments, ValueScope values)
        {
            if (arguments.Count != body.Inputs.Count)
                throw new NotSupportedException($"graph '{body.Name}' takes {body.Inputs.Count} inputs, not {arguments.Count}");
            foreach (var initializer in body.Initializers)
                values.Add(initializer.Name ?? "", Load(initializer));
            for (var i = 0; i < arguments.Count; i++)
                values.Add(body.Inputs[i].Name ?? "", arguments[i]);
            return _module.Run(body, body.Nodes, values);
        }
    }
}
