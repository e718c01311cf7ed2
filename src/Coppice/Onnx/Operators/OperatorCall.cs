using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Onnx.Operators;

/// <summary>Computes the outputs of a node.</summary>
internal delegate Tensor?[] OnnxOperator(OperatorCall call);

/// <summary>What a node needs of the model it belongs to.</summary>
internal interface IModelContext
{
    /// <summary>Version of the operator set.</summary>
    long Version { get; }

    /// <summary>Whether sizes that nodes ask for are constants.</summary>
    bool HasFixedSizes { get; }

    /// <summary>Whether floats of a type are computed as F32 throughout.</summary>
    bool IsSingle(DType dtype);

    /// <summary>The tensor of an attribute.</summary>
    Tensor Load(TensorProto tensor);

    /// <summary>Runs a subgraph in a scope of its own, which sees the values of the graph around it.</summary>
    Tensor?[] Run(GraphProto body, IReadOnlyList<Tensor?> arguments, ValueScope values);
}

/// <summary>One run of a node: its attributes, the tensors it reads, and the model it belongs to.</summary>
internal sealed class OperatorCall(NodeProto node, IReadOnlyList<Tensor?> inputs, ValueScope values, IModelContext model)
{
    public NodeProto Node => node;

    /// <summary>Version of the operator set.</summary>
    public long Version => model.Version;

    /// <summary>The sizes of a tensor: a computation that a trace sees, unless sizes are constants.</summary>
    public Tensor SizesOf(Tensor x) => model.HasFixedSizes ? Numbers([.. x.Shape.Select(size => (long)size)]) : Apply(new ShapeOf(), x);

    /// <summary>How many inputs the node names, left-out ones in between included.</summary>
    public int Count => inputs.Count;

    /// <summary>A required input.</summary>
    public Tensor this[int index] => Optional(index)
        ?? throw new NotSupportedException($"input {index} is missing");

    /// <summary>An input that may be left out.</summary>
    public Tensor? Optional(int index) => index < inputs.Count ? inputs[index] : null;

    public IEnumerable<Tensor> All => Enumerable.Range(0, inputs.Count).Select(index => this[index]);

    public bool Has(string attribute) => node.Attribute(attribute) is not null;

    public long Int(string attribute, long absent) => node.Attribute(attribute)?.Int ?? absent;

    public bool Flag(string attribute, bool absent = false) => Int(attribute, absent ? 1 : 0) != 0;

    public float Float(string attribute, float absent) => node.Attribute(attribute)?.Float ?? absent;

    public string Text(string attribute, string absent) => node.Attribute(attribute)?.Text ?? absent;

    /// <summary>Whole numbers of an attribute, or null where it is absent.</summary>
    public int[]? Ints(string attribute) => node.Attribute(attribute) is { } found ? [.. found.Ints.Select(ToInt)] : null;

    /// <summary>Whole numbers that newer versions take as an input and older ones as an attribute; null where neither is there.</summary>
    public int[]? IntsOrInput(string attribute, int input) =>
        Ints(attribute) ?? (Optional(input) is { } tensor ? [.. ValuesOf(tensor).Select(ToInt)] : null);

    /// <summary>The same where one of them has to be there.</summary>
    public int[] Required(string attribute, int input) =>
        IntsOrInput(attribute, input) ?? throw new NotSupportedException($"{attribute} is missing");

    /// <summary>An axis attribute, counted from the outermost of so many.</summary>
    public int Axis(int rank, long absent) => FromOutermost(Int("axis", absent), rank);

    /// <summary>The whole numbers that an input holds. They become attributes of ops: sizes, axes, positions.</summary>
    public long[] Values(int input) => ValuesOf(this[input]);

    /// <summary>The one whole number that an input holds.</summary>
    public long Value(int input) => Values(input) is [var value, ..] ? value
        : throw new NotSupportedException($"its input '{node.Inputs[input]}' is empty, and has to be a number");

    /// <summary>The one number that an input holds, of any type.</summary>
    public float Scalar(int input) => this[input].Cast(DType.F32).Item<float>();

    public static long[] ValuesOf(Tensor tensor) => tensor.Cast(DType.I64).ToArray<long>();

    /// <summary>An axis counted from the outermost.</summary>
    public static int FromOutermost(long axis, int rank) => axis >= -rank && axis < rank
        ? (int)(axis < 0 ? axis + rank : axis)
        : throw new NotSupportedException($"axis {axis} is not one of {rank} axes");

    /// <summary>A number of a file as a size or position; far ones stand for "to the end".</summary>
    public static int ToInt(long value) => (int)Math.Clamp(value, int.MinValue, int.MaxValue);

    /// <summary>Runs a subgraph of this node, which sees all values of the graph around it.</summary>
    public Tensor?[] Run(string attribute, params IReadOnlyList<Tensor?> arguments) =>
        model.Run(node.Attribute(attribute)?.Graph ?? throw new NotSupportedException($"attribute {attribute} is missing"), arguments,
            values.Inner(node, attribute));

    /// <summary>Applies an op of F32 to another type of floats by way of F32.</summary>
    public static Tensor InSingle(Func<Tensor, Tensor> function, Tensor x) =>
        x.DType is DType.F64 or DType.F16 or DType.BF16 ? function(x.Cast(DType.F32)).Cast(x.DType) : function(x);

    /// <summary>The same for several inputs, of which those that are floats are converted.</summary>
    public Tensor?[] InSingle(Func<OperatorCall, Tensor?[]> function)
    {
        if (inputs.FirstOrDefault(input => input?.DType is DType.F64 or DType.F16 or DType.BF16)?.DType is not { } narrow)
            return function(this);
        var converted = inputs.Select(input => input is not null && input.DType.IsFloatingPoint() ? input.Cast(DType.F32) : input).ToList();
        var outputs = function(new OperatorCall(node, converted, values, model));
        return [.. outputs.Select(output => output?.DType == DType.F32 ? output.Cast(narrow) : output)];
    }

    /// <summary>A tensor of one number, of the type of another.</summary>
    public static Tensor Constant(float value, DType dtype = DType.F32) => Tensor.Full([], value).Cast(dtype);

    /// <summary>Whole numbers as a tensor of one axis.</summary>
    public static Tensor Numbers(IReadOnlyList<long> values) => Tensor.From<long>([.. values], [values.Count]);

    /// <summary>The shape of a tensor whose sizes the file says, where it is not far larger than what the node reads.</summary>
    public Shape Made(Shape shape)
    {
        var most = Math.Max(OnnxLimits.MadeElements, OnnxLimits.Enlargement * inputs.Sum(input => input?.Count ?? 0));
        return shape.Count <= most ? shape : throw new NotSupportedException($"a tensor of {shape} is over the limit of {most} elements");
    }

    /// <summary>As many whole numbers as a file asks for, as a tensor of one axis.</summary>
    public static Tensor Numbers(int count, Func<int, long> number)
    {
        if (count > OnnxLimits.MadeElements)
            throw new NotSupportedException($"{count} entries are over the limit of {OnnxLimits.MadeElements}");
        var numbers = Tensor.Empty([count], DType.I64);
        var span = numbers.AsSpan<long>();
        for (var i = 0; i < count; i++)
            span[i] = number(i);
        return numbers;
    }

    /// <summary>The element type that an attribute names.</summary>
    public DType TypeOf(string attribute, TensorDataType otherwise = TensorDataType.Undefined)
    {
        var type = (TensorDataType)Int(attribute, (long)otherwise);
        if (!type.TryToDType(out var dtype))
            throw new NotSupportedException($"elements of type {type} are not supported");
        return model.IsSingle(dtype) ? DType.F32 : dtype;
    }

    /// <summary>The tensor of an attribute, or null where it is absent.</summary>
    public Tensor? TensorOf(string attribute) => node.Attribute(attribute)?.Tensor is { } tensor ? model.Load(tensor) : null;

    public static Tensor Apply(Op op, params ReadOnlySpan<Tensor> tensors) => Op.ApplySingle(op, tensors);
}
