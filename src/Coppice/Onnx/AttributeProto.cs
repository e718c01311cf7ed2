using System.Text;
using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>Kinds of attributes, numbered as in the file.</summary>
public enum AttributeType
{
    /// <summary>Not said.</summary>
    Undefined = 0,
    /// <summary>A float.</summary>
    Float = 1,
    /// <summary>A whole number.</summary>
    Int = 2,
    /// <summary>A text.</summary>
    String = 3,
    /// <summary>A tensor.</summary>
    Tensor = 4,
    /// <summary>A subgraph, as of If and Loop.</summary>
    Graph = 5,
    /// <summary>Floats.</summary>
    Floats = 6,
    /// <summary>Whole numbers.</summary>
    Ints = 7,
    /// <summary>Texts.</summary>
    Strings = 8,
    /// <summary>Tensors.</summary>
    Tensors = 9,
    /// <summary>Subgraphs.</summary>
    Graphs = 10,
    /// <summary>A sparse tensor; kept, not interpreted.</summary>
    SparseTensor = 11,
    /// <summary>Sparse tensors; kept, not interpreted.</summary>
    SparseTensors = 12,
    /// <summary>A type; kept, not interpreted.</summary>
    TypeProto = 13,
    /// <summary>Types; kept, not interpreted.</summary>
    TypeProtos = 14,
}

/// <summary>A named attribute of a node. One of the values is set, as <see cref="Type"/> says.</summary>
public sealed class AttributeProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();
    private bool _floatsPacked;
    private bool _intsPacked;

    /// <summary>The name.</summary>
    public string? Name { get; set; }

    /// <summary>Which value is set.</summary>
    public AttributeType? Type { get; set; }

    /// <summary>The value of <see cref="AttributeType.Float"/>.</summary>
    public float? Float { get; set; }

    /// <summary>The value of <see cref="AttributeType.Int"/>.</summary>
    public long? Int { get; set; }

    /// <summary>The value of <see cref="AttributeType.String"/>, UTF-8 by custom.</summary>
    public byte[]? String { get; set; }

    /// <summary>The value of <see cref="AttributeType.Tensor"/>.</summary>
    public TensorProto? Tensor { get; set; }

    /// <summary>The value of <see cref="AttributeType.Graph"/>.</summary>
    public GraphProto? Graph { get; set; }

    /// <summary>The value of <see cref="AttributeType.Floats"/>.</summary>
    public List<float> Floats { get; } = [];

    /// <summary>The value of <see cref="AttributeType.Ints"/>.</summary>
    public List<long> Ints { get; } = [];

    /// <summary>The value of <see cref="AttributeType.Strings"/>.</summary>
    public List<byte[]> Strings { get; } = [];

    /// <summary>The value of <see cref="AttributeType.Tensors"/>.</summary>
    public List<TensorProto> Tensors { get; } = [];

    /// <summary>The value of <see cref="AttributeType.Graphs"/>.</summary>
    public List<GraphProto> Graphs { get; } = [];

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    /// <summary>Within a function: the attribute of the caller that this one takes its value from.</summary>
    public string? RefAttrName { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary><see cref="String"/> as text.</summary>
    public string? Text => String is null ? null : Encoding.UTF8.GetString(String);

    /// <summary>The same value under another name; its numbers can be changed by themselves.</summary>
    internal AttributeProto Copy(string? name)
    {
        var copy = new AttributeProto { Name = name, Type = Type, Float = Float, Int = Int, String = String, Tensor = Tensor, Graph = Graph };
        copy.Floats.AddRange(Floats);
        copy.Ints.AddRange(Ints);
        copy.Strings.AddRange(Strings);
        copy.Tensors.AddRange(Tensors);
        copy.Graphs.AddRange(Graphs);
        return copy;
    }

    /// <summary>An attribute of a whole number.</summary>
    public static AttributeProto From(string name, long value) => new() { Name = name, Int = value, Type = AttributeType.Int };

    /// <summary>An attribute of a float.</summary>
    public static AttributeProto From(string name, float value) => new() { Name = name, Float = value, Type = AttributeType.Float };

    /// <summary>An attribute of a text.</summary>
    public static AttributeProto From(string name, string value) =>
        new() { Name = name, String = Encoding.UTF8.GetBytes(value), Type = AttributeType.String };

    /// <summary>An attribute of whole numbers.</summary>
    public static AttributeProto From(string name, IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    /// <summary>An attribute of a tensor.</summary>
    public static AttributeProto From(string name, TensorProto value) => new() { Name = name, Tensor = value, Type = AttributeType.Tensor };

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Name = reader.Text(); return true;
            case 2: Float = reader.Float(); return true;
            case 3: Int = reader.Number(); return true;
            case 4: String = reader.Bytes(); return true;
            case 5: Tensor = reader.Message<TensorProto>(); return true;
            case 6: Graph = reader.Message<GraphProto>(); return true;
            case 7: _floatsPacked |= reader.Floats(Floats); return true;
            case 8: _intsPacked |= reader.Numbers(Ints); return true;
            case 9: Strings.Add(reader.Bytes()); return true;
            case 10: Tensors.Add(reader.Message<TensorProto>()); return true;
            case 11: Graphs.Add(reader.Message<GraphProto>()); return true;
            case 13: DocString = reader.Text(); return true;
            case 20: Type = (AttributeType)reader.SmallNumber(); return true;
            case 21: RefAttrName = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Text(1, Name);
        writer.Float(2, Float);
        writer.Number(3, Int);
        writer.Bytes(4, String);
        writer.Message(5, Tensor);
        writer.Message(6, Graph);
        writer.Floats(7, Floats, _floatsPacked);
        writer.Numbers(8, Ints, _intsPacked);
        foreach (var text in Strings)
            writer.Bytes(9, text);
        writer.Messages(10, Tensors);
        writer.Messages(11, Graphs);
        writer.Text(13, DocString);
        _unknown.Write(writer, end: 20);
        writer.Number(20, (long?)Type);
        writer.Text(21, RefAttrName);
        _unknown.Write(writer, first: 20);
    }
}
