using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>A small graph of random blocks with random weights, made anew from its seed.</summary>
internal sealed partial class RandomGraph
{
    private static readonly Op[] Activations =
    [
        new Relu(), new Gelu(GeluKind.Tanh), new Gelu(GeluKind.Erf), new Sigmoid(), new Silu(), new Tanh(), new Cast(DType.F32),
        new Contiguous(),
    ];

    private readonly RandomSource _random;
    private readonly GraphBuilder _builder;
    private readonly SymbolicDim _batch;
    private readonly List<Tensor> _inputs = [];
    private int _names;

    public RandomGraph(int seed)
    {
        _random = new(seed);
        var isAnySize = Chance(2);
        _builder = isAnySize ? new(("batch", 2)) : new();
        _batch = isAnySize ? SymbolicDim.Symbol("batch") : 2;
        for (var count = 1 + Next(2); count > 0; count--)
            if (Chance(2))
                Images();
            else
                Sequences();
        Graph = _builder.Build();
    }

    public Graph Graph { get; }

    public IReadOnlyList<Tensor> Inputs => _inputs;

    /// <summary>A random number below another.</summary>
    public int Next(int below) => (int)(_random.NextUInt32() % (uint)below);

    /// <summary>True once in some times.</summary>
    public bool Chance(int once) => Next(once) == 0;

    /// <summary>Some of the numbers below another, never all.</summary>
    public int[] Some(int size) => [.. Enumerable.Range(0, size).OrderBy(_ => Next(1000)).Take(Next(size))];

    private int Between(int least, int most) => least + Next(most - least + 1);

    private T Any<T>(params IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    private InputValue Floats(params int[] sizes)
    {
        _inputs.Add(Random([2, .. sizes], 2));
        return _builder.Input($"x{_names++}", DType.F32, [_batch, .. sizes.Select(SymbolicDim.FromInt32)]);
    }

    private InputValue Ids(int steps, int below)
    {
        _inputs.Add(Tensor.From<long>([.. Enumerable.Range(0, 2 * steps).Select(_ => (long)Next(below))], [2, steps]));
        return _builder.Input($"x{_names++}", DType.I64, _batch, steps);
    }

    private ParameterValue Weight(params int[] sizes)
    {
        var width = 4 / MathF.Sqrt(sizes.Length < 2 ? 4 : sizes.Skip(1).Aggregate((one, other) => one * other));
        return _builder.Parameter($"w{_names++}", new Parameter(Random(sizes, width)));
    }

    private BufferValue Statistic(int size, float from)
    {
        var tensor = Random([size], 1);
        foreach (ref var value in tensor.AsSpan<float>())
            value += from;
        return _builder.Buffer($"b{_names++}", tensor);
    }

    private Tensor Random(int[] sizes, float width)
    {
        var tensor = Tensor.Empty(Shape.Create(sizes));
        foreach (ref var value in tensor.AsSpan<float>())
            value = width * (_random.NextSingle() - 0.5f);
        return tensor;
    }

    private NodeValue Apply(Op op, params IReadOnlyList<Value> inputs) => _builder.Apply(op, inputs)[0];

    private void Output(Value value) => _builder.Output($"y{_names++}", value);

    private NodeValue Activated(Value x) => Apply(Any(Activations), x);

    private NodeValue Narrow(Value x, int axis, int start, int length) => Apply(new Narrow(axis, start, length), x);

    private NodeValue Transposed(Value x, int one, int other) => Apply(new Transpose(one, other), x);

    /// <summary>A reshape that now and then leaves a size to be computed.</summary>
    private NodeValue Reshaped(Value x, params SymbolicDim[] dims)
    {
        if (Chance(3))
            dims[Next(dims.Length)] = -1;
        return _builder.Apply(new Reshape(new int[dims.Length]), [x], dims)[0];
    }

    private static SymbolicDim Times(SymbolicDim dim, int factor) => dim.Constant is { } size ? size * factor : dim.Scale(factor, 1);

    /// <summary>Sizes of parts, at least one each.</summary>
    private List<int> Parts(int size)
    {
        var parts = new List<int>();
        for (var left = size; left > 0; left -= parts[^1])
            parts.Add(Chance(3) ? left : Between(1, left));
        return parts;
    }

    private int DivisorOf(int size) => Any([.. Enumerable.Range(1, size).Where(divisor => size % divisor == 0)]);

    /// <summary>The parts of an axis, some changed, joined again in any order and number.</summary>
    private Value SplitAndJoined(Value x, int axis, Func<Value, Value> block)
    {
        var (parts, start) = (new List<Value>(), 0);
        foreach (var size in Parts(x.SampleShape[axis]))
        {
            var part = Narrow(x, axis, start, size);
            start += size;
            parts.Add(Chance(2) ? block(part) : part);
        }
        List<Value> joined = [.. parts.OrderBy(_ => Next(100))];
        if (Chance(4))
            joined.Add(x);
        return Apply(new Concat(axis), joined);
    }
}
