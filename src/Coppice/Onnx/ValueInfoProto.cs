using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>Name and type of a value.</summary>
public sealed class ValueInfoProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>The value's name.</summary>
    public string? Name { get; set; }

    /// <summary>Its type, where known.</summary>
    public TypeProto? Type { get; set; }

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>A tensor's name, element type and sizes; null for a size that is not known.</summary>
    public static ValueInfoProto From(string name, TensorDataType type, IEnumerable<Dimension> sizes)
    {
        var shape = new TensorShapeProto();
        shape.Dims.AddRange(sizes);
        return new() { Name = name, Type = new() { Tensor = new() { ElementType = type, Shape = shape } } };
    }

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Name = reader.Text(); return true;
            case 2: Type = reader.Message<TypeProto>(); return true;
            case 3: DocString = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Text(1, Name);
        writer.Message(2, Type);
        writer.Text(3, DocString);
        _unknown.Write(writer);
    }
}

/// <summary>Type of a value. Only tensors are interpreted; sequences, maps and optionals are kept as they are.</summary>
public sealed class TypeProto : IWireMessage
{
    private const int Sequence = 4, Optional = 9;

    private readonly UnknownFields _unknown = new();

    /// <summary>The tensor's type, or null where the value is no tensor.</summary>
    public TensorTypeProto? Tensor { get; set; }

    /// <summary>Whether it is a sequence, of whatever type.</summary>
    internal bool IsSequence => _unknown.Has(Sequence);

    /// <summary>Whether it is optional, of whatever type.</summary>
    internal bool IsOptional => _unknown.Has(Optional);

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        if (field == 1)
            Tensor = reader.Message<TensorTypeProto>();
        return field == 1;
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Message(1, Tensor);
        _unknown.Write(writer);
    }
}

/// <summary>Element type and shape of a tensor.</summary>
public sealed class TensorTypeProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>Element type.</summary>
    public TensorDataType? ElementType { get; set; }

    /// <summary>Sizes of the axes, or null where not even their number is known.</summary>
    public TensorShapeProto? Shape { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: ElementType = (TensorDataType)reader.SmallNumber(); return true;
            case 2: Shape = reader.Message<TensorShapeProto>(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Number(1, (long?)ElementType);
        writer.Message(2, Shape);
        _unknown.Write(writer);
    }
}

/// <summary>Sizes of axes, outermost first.</summary>
public sealed class TensorShapeProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>One entry for each axis.</summary>
    public List<Dimension> Dims { get; } = [];

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        if (field == 1)
            Dims.Add(reader.Message<Dimension>());
        return field == 1;
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Messages(1, Dims);
        _unknown.Write(writer);
    }
}

/// <summary>Size of an axis: a number, a name such as <c>batch</c> that stands for one, or neither.</summary>
public sealed class Dimension : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>The size, where it is fixed.</summary>
    public long? Value { get; set; }

    /// <summary>The name of a size that is known only when the model runs.</summary>
    public string? Param { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>Form for messages: the size, its name, or <c>?</c>.</summary>
    public override string ToString() => Value?.ToString() ?? Param ?? "?";

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Value = reader.Number(); return true;
            case 2: Param = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Number(1, Value);
        writer.Text(2, Param);
        _unknown.Write(writer);
    }
}
