using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Onnx.Export;

/// <summary>A node as its rule sees it: names of what it reads, and means to write what computes its outputs.</summary>
internal sealed class NodeWriter(GraphWriter graph, Node node)
{
    /// <summary>The node.</summary>
    public Node Node => node;

    /// <summary>Version of the operators.</summary>
    public int Opset => graph.Opset;

    /// <summary>How many inputs it has.</summary>
    public int Count => node.Inputs.Count;

    /// <summary>Name of an input.</summary>
    public string this[int input] => graph.NameOf(node.Inputs[input]);

    /// <summary>Names of all inputs.</summary>
    public IReadOnlyList<string> Inputs => [.. node.Inputs.Select(graph.NameOf)];

    /// <summary>Element type of an input.</summary>
    public DType TypeOf(int input) => node.Inputs[input].DType;

    /// <summary>Axes of an input.</summary>
    public int Rank(int input = 0) => node.Inputs[input].SampleShape.Rank;

    /// <summary>Sizes of an input's axes.</summary>
    public IReadOnlyList<SymbolicDim> Dims(int input = 0) => node.Inputs[input].Dims;

    /// <summary>The size of an input's axis that is always the same.</summary>
    /// <exception cref="GraphException">It is not.</exception>
    public int Fixed(int input, int axis) => Dims(input)[axis].Constant
        ?? throw Refused($"axis {axis} of its input {input} may have any size, which ONNX has no operator for; trace with that axis fixed");

    /// <summary>Writes the op's outputs.</summary>
    public void Result(string op, IReadOnlyList<string> inputs, params AttributeProto[] attributes) =>
        graph.Compute(node.Outputs, op, inputs, attributes);

    /// <summary>Writes something in between.</summary>
    /// <returns>Its name.</returns>
    public string Add(string op, IReadOnlyList<string> inputs, params AttributeProto[] attributes) => graph.Add(op, inputs, attributes);

    /// <summary>A constant.</summary>
    public string Constant(Tensor tensor) => graph.Constant(tensor);

    /// <summary>One number, of an element type.</summary>
    public string Scalar(float value, DType dtype = DType.F32) => graph.Constant(Tensor.Full([], value).Cast(dtype));

    /// <summary>Whole numbers, I64 of one axis.</summary>
    public string Numbers(params IReadOnlyList<long> values) => graph.Numbers(values);

    /// <summary>A size, I64 [1].</summary>
    public string Size(SymbolicDim dim) => graph.Size(dim);

    /// <summary>Sizes, I64 of one axis.</summary>
    public string Sizes(IReadOnlyList<SymbolicDim> dims) => graph.Sizes(dims);

    /// <summary>The size of an input's axis, I64 [1].</summary>
    public string SizeOf(int input, int axis) => graph.Size(node.Inputs[input], axis);

    /// <summary>Two sizes added up, I64 [1].</summary>
    public string Sum(SymbolicDim left, SymbolicDim right) => left.Constant is { } a && right.Constant is { } b ? Numbers((long)a + b)
        : left.Constant == 0 ? Size(right)
        : Add("Add", [Size(left), Size(right)]);

    /// <summary>The axes in another order.</summary>
    public string Permute(string x, params IReadOnlyList<int> axes) => Add("Transpose", [x], AttributeProto.From("perm", axes.Select(axis => (long)axis)));

    /// <summary>The op's own attributes at the sample sizes.</summary>
    public T Op<T>() where T : Op => (T)node.Op;

    /// <summary>Reductions take their axes as an attribute up to opset 17, as an input later; ReduceSum as an input always.</summary>
    public (IReadOnlyList<string> Inputs, AttributeProto[] Attributes) Reduction(string op, string x, IEnumerable<int> axes, bool keep)
    {
        long[] numbers = [.. axes];
        var keeps = AttributeProto.From("keepdims", keep ? 1 : 0);
        return Opset >= 18 || op == "ReduceSum"
            ? ([x, Numbers(numbers)], [keeps])
            : ([x], [AttributeProto.From("axes", numbers), keeps]);
    }

    /// <summary>A reduction of the last axis, which keeps size 1.</summary>
    public string ReduceLast(string op, string x)
    {
        var (inputs, attributes) = Reduction(op, x, [-1], keep: true);
        return Add(op, inputs, attributes);
    }

    /// <summary>Why the node can't be exported.</summary>
    public GraphException Refused(string why) => new($"{node}: it can't be exported to ONNX: {why}.");
}
