using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Onnx.Export;

/// <summary>Writes a graph down as ONNX: a name for each value, nodes for its ops, and the arithmetic by which sizes follow from the inputs.
/// What is computed alike in several places is written once.</summary>
/// <param name="graph">The graph.</param>
/// <param name="opset">Version of the operators.</param>
internal sealed class GraphWriter(Graph graph, int opset)
{
    private readonly GraphProto _proto = new() { Name = "coppice" };
    private readonly Dictionary<Value, string> _names = [];
    private readonly Dictionary<string, string> _shared = [];
    private readonly HashSet<string> _taken = [];
    private string _layer = "";
    private int _written;

    /// <summary>Version of the operators.</summary>
    public int Opset => opset;

    /// <summary>The whole graph.</summary>
    /// <exception cref="GraphException">An op can't be said in ONNX, or a name is there twice.</exception>
    public GraphProto Write()
    {
        foreach (var input in graph.Inputs)
            _names[input] = Taken(input.Name);
        foreach (var (name, value) in graph.Outputs)
            if (value is NodeValue && _names.TryAdd(value, name))
                Taken(name);
        foreach (var value in graph.Values.OfType<StoredValue>())
            _names[value] = value is ConstantValue ? Constant(value.Tensor) : Initializer(value);
        foreach (var node in graph.Nodes)
        {
            _layer = node.Layer;
            ExportRules.Apply(new(this, node));
        }
        foreach (var (name, value) in graph.Outputs)
            if (_names[value] != name)
                Put("Identity", [_names[value]], [Taken(name)], []);
        _proto.Inputs.AddRange(graph.Inputs.Select(Described));
        _proto.Outputs.AddRange(graph.Outputs.Select(output => Described(output.Name, output.Value)));
        return _proto;
    }

    /// <summary>Name of a value that is there already.</summary>
    public string NameOf(Value value) => _names[value];

    /// <summary>Adds the node that computes a value of the graph, or several.</summary>
    public void Compute(IReadOnlyList<NodeValue> values, string op, IReadOnlyList<string> inputs, AttributeProto[] attributes)
    {
        foreach (var value in values)
            if (!_names.ContainsKey(value))
                _names[value] = Fresh(op);
        Put(op, inputs, [.. values.Select(NameOf)], attributes);
    }

    /// <summary>Adds a node for something in between.</summary>
    /// <returns>Name of its output.</returns>
    public string Add(string op, IReadOnlyList<string> inputs, params AttributeProto[] attributes)
    {
        var key = $"{op}({string.Join(", ", inputs)}){string.Concat(attributes.Select(Text))}";
        if (_shared.TryGetValue(key, out var known))
            return known;
        var output = _shared[key] = Fresh(op);
        Put(op, inputs, [output], attributes);
        return output;
    }

    /// <summary>Adds a constant; small ones that are alike are one.</summary>
    public string Constant(Tensor tensor)
    {
        const int small = 256;
        var source = TensorSource.From("", tensor.Contiguous());
        if (source.ByteLength > small)
            return Stored(source);
        var bytes = new byte[source.ByteLength];
        source.Read(0, bytes);
        var key = $"{tensor.DType} {tensor.Shape} {Convert.ToHexString(bytes)}";
        return _shared.TryGetValue(key, out var known) ? known : _shared[key] = Stored(source);
    }

    /// <summary>Whole numbers as an I64 tensor of one axis.</summary>
    public string Numbers(params IReadOnlyList<long> values) => Constant(Tensor.From<long>([.. values], [values.Count]));

    /// <summary>Sizes as an I64 tensor of one axis.</summary>
    public string Sizes(IReadOnlyList<SymbolicDim> dims) => dims.All(dim => dim.Constant is not null)
        ? Numbers([.. dims.Select(dim => (long)dim.Constant!.Value)])
        : Add("Concat", [.. dims.Select(Size)], AttributeProto.From("axis", 0));

    /// <summary>A size as an I64 tensor [1].</summary>
    public string Size(SymbolicDim dim)
    {
        if (dim.Constant is { } number)
            return Numbers(number);
        var (multiplier, divisor, offset) = dim.Numbers;
        var size = dim.Symbols.Select(AxisNamed).Aggregate((product, next) => Add("Mul", [product, next]));
        if (multiplier != 1)
            size = Add("Mul", [size, Numbers(multiplier)]);
        if (divisor != 1)
            size = Add("Div", [size, Numbers(divisor)]);
        return offset == 0 ? size : Add("Add", [size, Numbers(offset)]);
    }

    /// <summary>The size of a value's axis as an I64 tensor [1].</summary>
    public string Size(Value value, int axis) => value.Dims[axis].Equals(SymbolicDim.Unknown)
        ? Add("Shape", [NameOf(value)], AttributeProto.From("start", axis), AttributeProto.From("end", axis + 1))
        : Size(value.Dims[axis]);

    private string AxisNamed(string symbol)
    {
        foreach (var input in graph.Inputs)
            foreach (var (axis, dim) in input.Dims.Index())
                if (dim.Symbols is [var name] && name == symbol)
                    return Add("Shape", [NameOf(input)], AttributeProto.From("start", axis), AttributeProto.From("end", axis + 1));
        throw new GraphException($"No input has an axis '{symbol}', which sizes of the graph follow from.");
    }

    private string Initializer(StoredValue value)
    {
        _proto.Initializers.Add(TensorProto.From(TensorSource.From(Taken(value.Name), value.Tensor.Contiguous())));
        return value.Name;
    }

    private string Stored(TensorSource source)
    {
        var name = Fresh("Constant");
        Put("Constant", [], [name], [AttributeProto.From("value", TensorProto.From(source))]);
        return name;
    }

    private void Put(string op, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs, AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = outputs[0] };
        node.Inputs.AddRange(inputs);
        node.Outputs.AddRange(outputs);
        node.Attributes.AddRange(attributes);
        _proto.Nodes.Add(node);
    }

    /// <summary>A name that nothing has, of the layer that computes and the operator.</summary>
    private string Fresh(string op)
    {
        var prefix = _layer.Length == 0 ? "" : _layer + "/";
        string name;
        do
            name = $"{prefix}{op}_{_written++}";
        while (!_taken.Add(name));
        return name;
    }

    private string Taken(string name) => _taken.Add(name) ? name : throw new GraphException(
        $"'{name}' is the name of two inputs, outputs or parameters; ONNX tells values apart by their names. Rename one when tracing.");

    private static ValueInfoProto Described(InputValue input) => Described(input.Name, input);

    private static ValueInfoProto Described(string name, Value value) => ValueInfoProto.From(name, value.DType.ToOnnx(), value.Dims.Select(dim =>
        dim.Constant is { } size ? new Dimension { Value = size }
        : dim.Equals(SymbolicDim.Unknown) ? new Dimension() : new Dimension { Param = dim.ToString() }));

    private static string Text(AttributeProto attribute) =>
        $" {attribute.Name}={attribute.Int}{attribute.Float:R}{attribute.Text}{string.Join(',', attribute.Ints)}";
}
