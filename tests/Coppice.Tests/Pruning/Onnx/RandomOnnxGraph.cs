using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>A small ONNX model of random blocks with random weights, made anew from its seed.</summary>
internal sealed partial class RandomOnnxGraph
{
    private const int Batch = 2;

    private readonly RandomSource _random;
    private readonly GraphProto _graph = new() { Name = "random" };
    private readonly Dictionary<string, int[]> _shapes = [];
    private int _names;

    public RandomOnnxGraph(int seed)
    {
        _random = new(seed);
        if (Chance(2))
            Images();
        else
            Sequences();
        Model = new() { IrVersion = 8, Graph = _graph };
        Model.OpsetImports.Add(new() { Domain = "", Version = 17 });
    }

    public ModelProto Model { get; }

    /// <summary>A random number below another.</summary>
    public int Next(int below) => (int)(_random.NextUInt32() % (uint)below);

    /// <summary>True once in some times.</summary>
    public bool Chance(int once) => Next(once) == 0;

    /// <summary>Form for messages: a line for each node.</summary>
    public override string ToString() => string.Join("\n", _graph.Nodes.Select(node => $"{string.Join(", ", node.Outputs)} = {node.OpType}("
        + $"{string.Join(", ", node.Inputs)}) [{string.Join(", ", _shapes.GetValueOrDefault(node.Outputs[0], []))}]"));

    private T Any<T>(params IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    private int Between(int least, int most) => least + Next(most - least + 1);

    private string Input(params int[] shape)
    {
        var name = $"x{_names++}";
        _graph.Inputs.Add(ValueInfoProto.From(name, TensorDataType.Float, shape.Select(size => new Dimension { Value = size })));
        _shapes[name] = shape;
        return name;
    }

    private void Output(string name) => _graph.Outputs.Add(new() { Name = name });

    private string Weight(params int[] shape)
    {
        var width = shape.Length < 2 ? 1 : 2 / MathF.Sqrt(shape.Skip(1).Aggregate((a, b) => a * b));
        var tensor = Tensor.Empty(Shape.Create(shape));
        foreach (ref var value in tensor.AsSpan<float>())
            value = width * (2 * _random.NextSingle() - 1);
        return Stored(tensor);
    }

    private string Numbers(params IEnumerable<int> values)
    {
        long[] numbers = [.. values.Select(value => (long)value)];
        return Stored(Tensor.From<long>(numbers, [numbers.Length]));
    }

    private string Number(long value) => Stored(Tensor.From<long>([value], []));

    private string Scalar(float value) => Stored(Tensor.From<float>([value], []));

    private string Stored(Tensor tensor)
    {
        var name = $"w{_names++}";
        _graph.Initializers.Add(TensorProto.From(TensorSource.From(name, tensor)));
        _shapes[name] = [.. tensor.Shape];
        return name;
    }

    private string Apply(string op, int[] shape, string[] inputs, params AttributeProto[] attributes) =>
        Apply(op, [shape], inputs, attributes)[0];

    private string[] Apply(string op, int[][] shapes, string[] inputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Inputs.AddRange(inputs);
        node.Attributes.AddRange(attributes);
        foreach (var shape in shapes)
        {
            node.Outputs.Add($"v{_names++}");
            _shapes[node.Outputs[^1]] = shape;
        }
        _graph.Nodes.Add(node);
        return [.. node.Outputs];
    }

    /// <summary>The same shape out as in.</summary>
    private string Same(string op, string x, params string[] others) => Apply(op, _shapes[x], [x, .. others]);

    private string Reshaped(string x, params int[] shape) => Apply("Reshape", shape, [x, Numbers(shape)]);

    private string Permuted(string x, params int[] axes) =>
        Apply("Transpose", [.. axes.Select(axis => _shapes[x][axis])], [x], AttributeProto.From("perm", axes.Select(axis => (long)axis)));

    private string Linear(string x, int outputs)
    {
        int[] shape = [.. _shapes[x][..^1], outputs];
        var y = Apply("MatMul", shape, [x, Weight(_shapes[x][^1], outputs)]);
        return Chance(2) ? Apply("Add", shape, [y, Weight(outputs)]) : y;
    }

    /// <summary>Normalisation over the last axis in single steps, as exporters before opset 17 wrote it.</summary>
    private string Normalized(string x)
    {
        int[] one = [.. _shapes[x][..^1], 1];
        var last = AttributeProto.From("axes", [-1L]);
        if (Chance(2))
            return Apply("LayerNormalization", _shapes[x], Chance(2) ? [x, Weight(_shapes[x][^1])] : [x, Weight(_shapes[x][^1]), Weight(_shapes[x][^1])]);
        var centered = Same("Sub", x, Apply("ReduceMean", one, [x], last));
        var variance = Apply("ReduceMean", one, [Same("Pow", centered, Scalar(2))], last);
        var deviation = Apply("Sqrt", one, [Apply("Add", one, [variance, Scalar(0.1f)])]);
        return Same("Mul", Same("Div", centered, deviation), Weight(_shapes[x][^1]));
    }

    private int DivisorOf(int size) => Any([.. Enumerable.Range(1, size).Where(divisor => size % divisor == 0)]);
}
