using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>An ONNX model: a graph, the versions of the operators it uses, and where it came from.</summary>
/// <remarks>onnx.proto of ONNX 1.17; fields without a property here are kept and written again.</remarks>
public sealed class ModelProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>Version of the file format, 3 to 10.</summary>
    public long? IrVersion { get; set; }

    /// <summary>Name of the program that wrote the model.</summary>
    public string? ProducerName { get; set; }

    /// <summary>Version of the program that wrote the model.</summary>
    public string? ProducerVersion { get; set; }

    /// <summary>Reverse-DNS name of who the model belongs to.</summary>
    public string? Domain { get; set; }

    /// <summary>Version of the model itself.</summary>
    public long? ModelVersion { get; set; }

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    /// <summary>The computation.</summary>
    public GraphProto? Graph { get; set; }

    /// <summary>Operator sets in use, one for each domain.</summary>
    public List<OperatorSetIdProto> OpsetImports { get; } = [];

    /// <summary>Free-form names and values.</summary>
    public List<StringStringEntryProto> MetadataProps { get; } = [];

    /// <summary>Functions of the model's own; an <see cref="OnnxFile"/> that was opened has put them in place of the nodes that call them.</summary>
    public List<FunctionProto> Functions { get; } = [];

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>
    /// Version of the operator set of a domain; "" and "ai.onnx" are the standard one. Null where the model does not name it.
    /// </summary>
    public long? OpsetVersion(string domain = "") => OpsetImports.Find(opset => Canonical(opset.Domain) == Canonical(domain))?.Version;

    /// <summary>The one name of a domain: the standard one has two.</summary>
    internal static string Canonical(string? domain) => domain is null or "ai.onnx" ? "" : domain;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: IrVersion = reader.Number(); return true;
            case 2: ProducerName = reader.Text(); return true;
            case 3: ProducerVersion = reader.Text(); return true;
            case 4: Domain = reader.Text(); return true;
            case 5: ModelVersion = reader.Number(); return true;
            case 6: DocString = reader.Text(); return true;
            case 7: Graph = reader.Message<GraphProto>(); return true;
            case 8: OpsetImports.Add(reader.Message<OperatorSetIdProto>()); return true;
            case 14: MetadataProps.Add(reader.Message<StringStringEntryProto>()); return true;
            case 25: Functions.Add(reader.Message<FunctionProto>()); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Number(1, IrVersion);
        writer.Text(2, ProducerName);
        writer.Text(3, ProducerVersion);
        writer.Text(4, Domain);
        writer.Number(5, ModelVersion);
        writer.Text(6, DocString);
        writer.Message(7, Graph);
        writer.Messages(8, OpsetImports);
        writer.Messages(14, MetadataProps);
        _unknown.Write(writer, end: 25);
        writer.Messages(25, Functions);
        _unknown.Write(writer, first: 25);
    }
}

/// <summary>A version of the operators of one domain.</summary>
public sealed class OperatorSetIdProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>The domain; empty or absent for ONNX's own operators.</summary>
    public string? Domain { get; set; }

    /// <summary>The version.</summary>
    public long? Version { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Domain = reader.Text(); return true;
            case 2: Version = reader.Number(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Text(1, Domain);
        writer.Number(2, Version);
        _unknown.Write(writer);
    }
}

/// <summary>A name and a value.</summary>
public sealed class StringStringEntryProto : IWireMessage
{
    private readonly UnknownFields _unknown = new();

    /// <summary>The name.</summary>
    public string? Key { get; set; }

    /// <summary>The value.</summary>
    public string? Value { get; set; }

    UnknownFields IWireMessage.Unknown => _unknown;

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Key = reader.Text(); return true;
            case 2: Value = reader.Text(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Text(1, Key);
        writer.Text(2, Value);
        _unknown.Write(writer);
    }
}
