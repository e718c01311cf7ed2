using Coppice.Checkpoints;
using Coppice.Onnx.Wire;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>A tensor's name, type, sizes and elements. Elements read from a file stay there, mapped, until they are asked for.</summary>
public sealed class TensorProto : IWireMessage
{
    private const int FloatData = 4, Int32Data = 5, Int64Data = 7, RawData = 9, DoubleData = 10, Uint64Data = 11;
    private const int ExternalDataField = 13, DataLocationField = 14;
    private const long External = 1;

    private readonly UnknownFields _unknown = new();
    private readonly List<long> _dims = [];
    private readonly List<StringStringEntryProto> _externalData = [];
    private ExternalFiles? _files;
    private long? _location;
    private bool _dimsPacked;
    private int _field;
    private ByteBlock? _data;
    private MemoryStream? _loose;

    /// <summary>The tensor's name.</summary>
    public string? Name { get; set; }

    /// <summary>Element type.</summary>
    public TensorDataType? DataType { get; private set; }

    /// <summary>Axis sizes, outermost first, as stored: not checked before <see cref="Source"/>.</summary>
    public IReadOnlyList<long> Dims => _dims;

    /// <summary>Description.</summary>
    public string? DocString { get; set; }

    /// <summary>Whether the elements are kept in a file beside the model.</summary>
    public bool IsExternal => _location == External;

    /// <summary>The file beside the model that holds the elements, where one does.</summary>
    internal string? ExternalLocation => IsExternal ? _externalData.Find(entry => entry.Key == "location")?.Value : null;

    UnknownFields IWireMessage.Unknown => _unknown;

    /// <summary>A tensor with the elements of <paramref name="source"/>, under its name.</summary>
    /// <exception cref="NotSupportedException">ONNX has no such element type.</exception>
    public static TensorProto From(TensorSource source)
    {
        var tensor = new TensorProto { Name = source.Name };
        tensor.SetData(source);
        return tensor;
    }

    /// <summary>
    /// Takes type, sizes and elements of <paramref name="source"/>, which is read when the model is saved; the name stays.
    /// </summary>
    /// <exception cref="NotSupportedException">ONNX has no such element type.</exception>
    public void SetData(TensorSource source)
    {
        DataType = source.DType.ToOnnx();
        _dims.Clear();
        foreach (var size in source.Shape)
            _dims.Add(size);
        (_field, _data, _loose) = (RawData, new SourceBlock(source), null);
    }

    /// <summary>The tensor's elements, to read piece by piece.</summary>
    /// <exception cref="OnnxException">
    /// Type, sizes and bytes do not fit, the type is not supported, or an external file is missing.
    /// </exception>
    public TensorSource Source()
    {
        var type = DataType ?? TensorDataType.Undefined;
        if (!type.TryToDType(out var dtype))
            throw Wrong($"elements of type {type} are not supported");
        if (!TensorSizes.TryCreate(_dims, dtype, out var shape, out var byteLength))
            throw Wrong($"[{string.Join(", ", _dims)}] are no sizes of a tensor of {dtype}");
        if (IsExternal && _data is null)
            return FromBytes(dtype, shape, byteLength, _files!.Open(Name ?? "", _externalData, byteLength));
        var data = Data();
        if (data is null && byteLength == 0)
            return TensorSource.From(Name ?? "", Tensor.Empty(shape, dtype));
        if (data is null)
            throw Wrong($"there are no elements for {dtype} {shape}");
        var packed = FieldOf(dtype);
        if (_field != RawData && _field != packed)
            throw Wrong($"elements of {dtype} are stored in field {_field}, where {packed} belongs");
        if (_field is RawData or FloatData or DoubleData)
            return FromBytes(dtype, shape, byteLength, data);
        return TensorSource.From(Name ?? "", PackedNumbers.Decode(data, dtype, shape)
            ?? throw Wrong($"the stored numbers are not the {shape.Count} of {dtype} {shape}"));
    }

    /// <summary>Form for messages: <c>conv1.weight Float [8, 1, 5, 5]</c>.</summary>
    public override string ToString() => $"{Name} {DataType} [{string.Join(", ", _dims)}]";

    bool IWireMessage.ReadField(int field, WireReader reader)
    {
        _files = reader.External;
        switch (field)
        {
            case 1: _dimsPacked |= reader.Numbers(_dims); return true;
            case 2: DataType = (TensorDataType)reader.SmallNumber(); return true;
            case 8: Name = reader.Text(); return true;
            case FloatData or Int32Data or Int64Data or RawData or DoubleData or Uint64Data: ReadData(field, reader); return true;
            case 12: DocString = reader.Text(); return true;
            case ExternalDataField: _externalData.Add(reader.Message<StringStringEntryProto>()); return true;
            case DataLocationField: _location = reader.Number(); return true;
            default: return false;
        }
    }

    void IWireMessage.Write(WireWriter writer)
    {
        var place = writer.External?.Find(this);
        writer.Numbers(1, _dims, _dimsPacked);
        writer.Number(2, (long?)DataType);
        _unknown.Write(writer, end: FloatData);
        if (place is null && _field < 8)
            WriteData(writer);
        _unknown.Write(writer, FloatData, 8);
        writer.Text(8, Name);
        if (place is null && _field > 8)
            WriteData(writer);
        writer.Text(12, DocString);
        if (place is not null)
            writer.Messages(ExternalDataField, writer.External!.Entries(place.Value));
        writer.Number(DataLocationField, place is not null ? External : IsExternal ? null : _location);
        _unknown.Write(writer, 8);
    }

    private static int FieldOf(DType dtype) => dtype switch
    {
        DType.F32 or DType.C64 => FloatData,
        DType.F64 => DoubleData,
        DType.I64 => Int64Data,
        DType.U64 or DType.U32 => Uint64Data,
        _ => Int32Data,
    };

    private FileTensor FromBytes(DType dtype, Shape shape, long byteLength, ByteBlock data) => data.Length == byteLength
        ? new(Name ?? "", dtype, shape, data, 0)
        : throw Wrong($"{dtype} {shape} takes {byteLength} bytes, but there are {data.Length}");

    private void ReadData(int field, WireReader reader)
    {
        if (_field != 0 && _field != field)
            throw reader.Malformed($"tensor '{Name}' has elements in fields {_field} and {field}");
        _field = field;
        if (field == RawData || (reader.IsPacked && _data is null && _loose is null))
            _data = reader.Block();
        else
            (_loose ??= new()).Write(reader.IsPacked ? throw reader.Malformed("packed numbers follow others") : reader.RawValue());
    }

    /// <summary>The elements as stored; numbers that came one by one are joined as if they had been packed.</summary>
    private ByteBlock? Data()
    {
        if (_loose is null)
            return _data;
        var bytes = _loose.ToArray();
        _loose = null;
        return _data = new SourceBlock(TensorSource.From(Name ?? "", Tensor.From<byte>(bytes, [bytes.Length])));
    }

    private void WriteData(WireWriter writer)
    {
        if (Data() is { } data)
            writer.Block(_field, data);
    }

    private OnnxException Wrong(string problem) => new(_files?.ModelPath ?? "(model in memory)", $"tensor '{Name}': {problem}",
        "Export the model again.");
}
