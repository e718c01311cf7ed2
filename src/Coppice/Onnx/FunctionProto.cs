using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>A function of a model's own: what nodes of its name and domain stand for.</summary>
public sealed class FunctionProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>The name, which nodes give as their operator.</summary>
    public string? Name { get; set; }

    /// <summary>The domain.</summary>
    public string? Domain { get; set; }

    /// <summary>Tells functions of the same name and domain apart; empty or absent where there is one.</summary>
    public string? Overload { get; set; }

    /// <summary>Names within the function of what it takes.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>Names within the function of what it gives.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>Names of attributes without a value of their own.</summary>
    public List<string> Attributes { get; } = [];

    /// <summary>Attributes with the values that they have where the caller gives none.</summary>
    public List<AttributeProto> Defaults { get; } = [];

    /// <summary>The nodes, each after those whose outputs it reads.</summary>
    public List<NodeProto> Nodes { get; } = [];

    /// <summary>Versions of the operators that it uses.</summary>
    public List<OperatorSetIdProto> OpsetImports { get; } = [];

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Name = reader.Text(); return true;
            case 4: Inputs.Add(reader.Text()); return true;
            case 5: Outputs.Add(reader.Text()); return true;
            case 6: Attributes.Add(reader.Text()); return true;
            case 7: Nodes.Add(reader.Message<NodeProto>()); return true;
            case 8: DocString = reader.Text(); return true;
            case 9: OpsetImports.Add(reader.Message<OperatorSetIdProto>()); return true;
            case 10: Domain = reader.Text(); return true;
            case 11: Defaults.Add(reader.Message<AttributeProto>()); return true;
            case 13: Overload = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Text(1, Name);
        writer.Texts(4, Inputs);
        writer.Texts(5, Outputs);
        writer.Texts(6, Attributes);
        writer.Messages(7, Nodes);
        writer.Text(8, DocString);
        writer.Messages(9, OpsetImports);
        writer.Text(10, Domain);
        writer.Messages(11, Defaults);
        _unknown.Write(writer, end: 13);
        writer.Text(13, Overload);
        _unknown.Write(writer, first: 13);
    }
}
