using Coppice.Onnx.Wire;

namespace Coppice.Onnx;

/// <summary>A computation: nodes in an order in which they can run, named values between them, and the values known beforehand.</summary>
public sealed class GraphProto : IWireMessage
{
    private const int SparseInitializer = 15;

    private readonly UnknownFields _unknown = new();

    /// <summary>The nodes; each comes after those whose outputs it reads.</summary>
    public List<NodeProto> Nodes { get; } = [];

    /// <summary>Name of the graph.</summary>
    public string? Name { get; set; }

    /// <summary>Values known beforehand, such as weights.</summary>
    public List<TensorProto> Initializers { get; } = [];

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    /// <summary>What is fed in. Up to IR version 3 the initializers are listed too, later only those that may be overridden.</summary>
    public List<ValueInfoProto> Inputs { get; } = [];

    /// <summary>What comes out.</summary>
    public List<ValueInfoProto> Outputs { get; } = [];

    /// <summary>Types and shapes of values in between, as far as the exporter wrote them.</summary>
    public List<ValueInfoProto> ValueInfos { get; } = [];

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>Names of all that is read in it, in subgraphs too, and of its outputs.</summary>
    internal IEnumerable<string> Reads() => Outputs.Select(output => output.Name ?? "").Concat(Nodes.SelectMany(node => node.Reads()));

    /// <summary>Names of all that it reads of the graphs around it.</summary>
    internal IEnumerable<string> ReadsOfOthers() =>
        Outputs.Select(output => output.Name ?? "").Concat(Nodes.SelectMany(node => node.ReadsOfItsGraph())).Except(OwnNames());

    /// <summary>Names of all that it takes, stores and makes, without its subgraphs.</summary>
    internal IEnumerable<string> OwnNames() => Inputs.Select(input => input.Name ?? "").Concat(Initializers.Select(tensor => tensor.Name ?? ""))
        .Concat(Nodes.SelectMany(node => node.Outputs));

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        switch (field)
        {
            case 1: Nodes.Add(reader.Message<NodeProto>()); return true;
            case 2: Name = reader.Text(); return true;
            case 5: Initializers.Add(reader.Message<TensorProto>()); return true;
            case 10: DocString = reader.Text(); return true;
            case 11: Inputs.Add(reader.Message<ValueInfoProto>()); return true;
            case 12: Outputs.Add(reader.Message<ValueInfoProto>()); return true;
            case 13: ValueInfos.Add(reader.Message<ValueInfoProto>()); return true;
            case SparseInitializer:
                var name = reader.Message<SparseTensorProto>().Values?.Name;
                throw reader.Malformed($"'{name}' is a sparse_initializer, which is not supported; export the model with dense weights");
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        writer.Messages(1, Nodes);
        writer.Text(2, Name);
        writer.Messages(5, Initializers);
        writer.Text(10, DocString);
        writer.Messages(11, Inputs);
        writer.Messages(12, Outputs);
        writer.Messages(13, ValueInfos);
        _unknown.Write(writer);
    }

    /// <summary>Read only to name what is refused.</summary>
    private sealed class SparseTensorProto : IWireMessage
    {
        public TensorProto? Values { get; private set; }

        public UnknownFields Unknown { get; } = new();

        public bool ReadField(int field, WireReader reader)
        {
            if (field == 1)
                Values = reader.Message<TensorProto>();
            return field == 1;
        }

        public void Write(WireWriter writer) => throw new NotSupportedException("Sparse tensors are refused when read.");
    }
}
