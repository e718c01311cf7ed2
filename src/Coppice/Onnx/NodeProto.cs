using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>One use of an operator: the names of what it reads and of what it makes, and its attributes.</summary>
public sealed class NodeProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>Names of the values read; an empty one stands for an optional input left out.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>Names of the values made; an empty one stands for an output nobody reads.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>Name of the node; for people, often empty.</summary>
    public string? Name { get; set; }

    /// <summary>The operator.</summary>
    public string? OpType { get; set; }

    /// <summary>The attributes, each name once.</summary>
    public List<AttributeProto> Attributes { get; } = [];

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    /// <summary>The operator's domain; empty or absent for ONNX's own.</summary>
    public string? Domain { get; set; }

    /// <summary>Which function of the model's own is called where several have this name; empty or absent where one has.</summary>
    public string? Overload { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>The attribute of a name, or null.</summary>
    public AttributeProto? Attribute(string name) => Attributes.Find(attribute => attribute.Name == name);

    /// <summary>Its branches or body.</summary>
    internal IEnumerable<GraphProto> Subgraphs() => Attributes.Select(attribute => attribute.Graph).OfType<GraphProto>();

    /// <summary>Names of all that it reads, by its subgraphs too.</summary>
    internal IEnumerable<string> Reads() => Inputs.Concat(Subgraphs().SelectMany(graph => graph.Reads()));

    /// <summary>Form for messages: <c>Conv 'conv1'</c>.</summary>
    public override string ToString()
    {
        var name = string.IsNullOrEmpty(Name) ? Outputs.FirstOrDefault() : Name;
        return $"{(string.IsNullOrEmpty(Domain) ? "" : Domain + ".")}{OpType} '{name}'";
    }

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Inputs.Add(reader.Text()); return true;
            case 2: Outputs.Add(reader.Text()); return true;
            case 3: Name = reader.Text(); return true;
            case 4: OpType = reader.Text(); return true;
            case 5: Attributes.Add(reader.Message<AttributeProto>()); return true;
            case 6: DocString = reader.Text(); return true;
            case 7: Domain = reader.Text(); return true;
            case 8: Overload = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Texts(1, Inputs);
        writer.Texts(2, Outputs);
        writer.Text(3, Name);
        writer.Text(4, OpType);
        writer.Messages(5, Attributes);
        writer.Text(6, DocString);
        writer.Text(7, Domain);
        writer.Text(8, Overload);
        _unknown.Write(writer);
    }
}
