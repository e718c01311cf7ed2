using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Graphs;

/// <summary>Makes a graph node by node, checking each as it comes.</summary>
/// <example><code>
/// var builder = new GraphBuilder(("batch", 2));
/// var x = builder.Input("x", DType.F32, SymbolicDim.Symbol("batch"), 8);
/// var y = builder.Apply(new Linear(WeightLayout.OutIn), [x, builder.Parameter("fc.weight", weight)]);
/// builder.Output("y", y[0]);
/// var graph = builder.Build();
/// </code></example>
public sealed class GraphBuilder
{
    private readonly Module _state;
    private readonly SampleSizes _samples;
    private readonly List<Value> _values = [];
    private readonly List<Node> _nodes = [];
    private readonly List<GraphOutput> _outputs = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<Parameter, ParameterValue> _parameters = [];

    /// <summary>An empty graph.</summary>
    /// <param name="symbols">
    /// Names of the inputs' axes that may have any size, each with one at which the graph is sound; it must be so at twice and three times
    /// that too.
    /// </param>
    /// <exception cref="GraphException">A name is there twice, or a size is not positive.</exception>
    public GraphBuilder(params IEnumerable<(string Name, int Sample)> symbols) : this(new GraphState(), Check(symbols))
    {
    }

    /// <summary>A graph over the parameters and buffers of a module.</summary>
    internal GraphBuilder(Module state, SampleSizes samples) => (_state, _samples) = (state, samples);

    /// <summary>Adds a tensor that the caller gives.</summary>
    /// <param name="name">What the caller knows it by.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="dims">Axis sizes: numbers, or symbols of this graph.</param>
    /// <exception cref="GraphException">The name is taken, or a size is neither a number nor a symbol of this graph.</exception>
    public InputValue Input(string name, DType dtype, params IReadOnlyList<SymbolicDim> dims)
    {
        TakeName(name);
        foreach (var dim in dims)
            if (!dim.IsPlain || dim.Constant < 0 || dim.Symbols.Any(symbol => !_samples.Symbols.Contains(symbol)))
                throw new GraphException($"Input '{name}': '{dim}' is neither a size nor a symbol of this graph "
                    + $"({string.Join(", ", _samples.Symbols)}); name it when making the builder.");
        var shapes = Enumerable.Range(0, _samples.Count).Select(i => Shape.Create([.. dims.Select(dim => dim.Evaluate(_samples[i]))]));
        return Add(new InputValue(name, dtype, [.. shapes], dims));
    }

    /// <summary>Adds a parameter under its full name; one that is there already keeps its value, so that tied weights stay one.</summary>
    /// <exception cref="GraphException">The name is taken.</exception>
    public ParameterValue Parameter(string name, Parameter parameter)
    {
        TakeName(name);
        ((GraphState)_state).Add(name, parameter);
        return ValueOf(name, parameter);
    }

    /// <summary>Adds a tensor that is state but not trained, under its full name.</summary>
    /// <exception cref="GraphException">The name is taken.</exception>
    public BufferValue Buffer(string name, Tensor tensor)
    {
        TakeName(name);
        var (owner, key) = ((GraphState)_state).Add(name, tensor);
        return BufferOf(name, owner, key);
    }

    /// <summary>Adds a tensor that is always the same; the graph holds on to it, and it must not be written to any more.</summary>
    public ConstantValue Constant(Tensor tensor) => Add(new ConstantValue(TensorScope.Detach(tensor), _samples.Count));

    /// <summary>Adds a node.</summary>
    /// <param name="op">The op with its attributes at the sample sizes.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="sizes">How the op's <see cref="ISizedOp.Sizes"/> follow from the inputs' sizes; null where they never change.</param>
    /// <returns>What it computes.</returns>
    /// <exception cref="GraphException">An input is not of this graph, or the shapes do not fit the op; the message names both.</exception>
    public IReadOnlyList<NodeValue> Apply(Op op, IReadOnlyList<Value> inputs, IReadOnlyList<SymbolicDim>? sizes = null) =>
        Apply(op, inputs, sizes, layer: "");

    /// <summary>Adds a node that a layer of the model applied.</summary>
    internal IReadOnlyList<NodeValue> Apply(Op op, IReadOnlyList<Value> inputs, IReadOnlyList<SymbolicDim>? sizes, string layer)
    {
        foreach (var input in inputs)
            CheckIsHere(input, op.Name);
        var sized = op as ISizedOp;
        sizes ??= [.. (sized?.Sizes ?? []).Select(SymbolicDim.FromInt32)];
        if (sizes.Count != (sized?.Sizes.Count ?? 0))
            throw new GraphException($"{op} has {sized?.Sizes.Count ?? 0} sizes; {sizes.Count} are given.");
        if (sized is not null)
            op = sized.WithSizes([.. sizes.Select(size => size.Evaluate(_samples[0]))]);
        var specs = Enumerable.Range(0, _samples.Count).Select(sample => Infer(op, sizes, inputs, sample)).ToList();
        var outputs = Enumerable.Range(0, specs[0].Length)
            .Select(output => OutputOf(specs[0][output].DType, [.. specs.Select(sample => sample[output].Shape)])).ToList();
        _nodes.Add(new(op, layer, sizes, inputs, outputs));
        return outputs;
    }

    /// <summary>Makes a value an output of the graph.</summary>
    /// <exception cref="GraphException">The name is that of another output, or the value is not of this graph.</exception>
    public void Output(string name, Value value)
    {
        CheckIsHere(value, $"output '{name}'");
        if (_outputs.Exists(output => output.Name == name))
            throw new GraphException($"There are two outputs named '{name}'; give each its own name.");
        _outputs.Add(new(name, value));
    }

    /// <summary>The graph.</summary>
    /// <exception cref="GraphException">It has no output.</exception>
    public Graph Build() => _outputs.Count > 0
        ? new(_state, _samples, [.. _values], [.. _nodes], [.. _outputs])
        : throw new GraphException("The graph has no output; name at least one.");

    /// <summary>Adds a parameter of the module the graph is over.</summary>
    internal ParameterValue ValueOf(string name, Parameter parameter)
    {
        if (!_parameters.TryGetValue(parameter, out var value))
            _parameters.Add(parameter, value = Add(new ParameterValue(name, parameter, _samples.Count)));
        return value;
    }

    /// <summary>Adds a buffer of a module below the one the graph is over.</summary>
    internal BufferValue BufferOf(string name, Module owner, string key) => Add(new BufferValue(name, owner, key, _samples.Count));

    /// <summary>Adds what a graph over the same module has.</summary>
    internal Value Copy(Value value) => value switch
    {
        InputValue input => Input(input.Name, input.DType, input.Dims),
        ParameterValue parameter => ValueOf(parameter.Name, parameter.Parameter),
        BufferValue buffer => BufferOf(buffer.Name, buffer.Owner, buffer.Key),
        ConstantValue constant => Constant(constant.Tensor),
        _ => throw new ArgumentException($"{value} is computed; apply its node.", nameof(value)),
    };

    private TensorSpec[] Infer(Op op, IReadOnlyList<SymbolicDim> sizes, IReadOnlyList<Value> inputs, int sample)
    {
        try
        {
            return Node.OpAt(op, sizes, _samples[sample]).Infer([.. inputs.Select(input => new TensorSpec(input.DType, input.Samples[sample]))]);
        }
        catch (Exception error) when (error is OpException or GraphException or ArithmeticException or ArgumentException or IndexOutOfRangeException)
        {
            throw new GraphException($"{op.Name}({string.Join(", ", inputs)}) can't be a node: {error.Message}"
                + (sample == 0 ? "" : $" This is with {_samples.Change(sample)}; that axis can't have any size."), error);
        }
    }

    private NodeValue OutputOf(DType dtype, Shape[] shapes)
    {
        var dims = new SymbolicDim[shapes[0].Rank];
        for (var axis = 0; axis < dims.Length; axis++)
            dims[axis] = SymbolicDim.Fit(_samples, [.. shapes.Select(shape => shape[axis])]) ?? SymbolicDim.Unknown;
        return Add(new NodeValue(dtype, shapes, dims));
    }

    private T Add<T>(T value) where T : Value
    {
        value.Id = _values.Count;
        _values.Add(value);
        return value;
    }

    private void TakeName(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_names.Add(name))
            throw new GraphException($"There are two inputs, parameters or buffers named '{name}'; give each its own name.");
    }

    private void CheckIsHere(Value value, string reader)
    {
        if (value.Id >= _values.Count || _values[value.Id] != value)
            throw new GraphException($"{reader} reads {value}, which is a value of another graph.");
    }

    private static SampleSizes Check(IEnumerable<(string Name, int Sample)> symbols)
    {
        var samples = new Dictionary<string, int>();
        foreach (var (name, sample) in symbols)
            if (sample is < 1 or > int.MaxValue / 3 || !samples.TryAdd(name, sample))
                throw new GraphException($"The symbol '{name}' is there twice, or its sample {sample} is no size in 1..{int.MaxValue / 3}.");
        return new(samples);
    }
}
