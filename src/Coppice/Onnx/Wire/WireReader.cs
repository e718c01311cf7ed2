using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Onnx.Wire;

/// <summary>Reads protobuf's wire format from a mapped file.</summary>
/// <remarks>
/// Google.Protobuf would copy each tensor into a byte array, stop at 2 GB, forget the order of unknown fields, and bring a code generator
/// into the build. The format is five rules; here they are, and a tensor's bytes stay where the file is mapped.
/// https://protobuf.dev/programming-guides/encoding
/// </remarks>
internal sealed class WireReader(MappedFile file, ExternalFiles external)
{
    private const string Remedy = "The file is damaged or no ONNX model; download or export it again.";

    private long _position;
    private long _end = file.Length;
    private long _fieldStart;
    private WireType _type;
    private string _message = "the model";
    private int _depth;
    private int _items;

    /// <summary>Reads the whole file as one message.</summary>
    public static T ReadFile<T>(MappedFile file, ExternalFiles external) where T : IWireMessage, new()
    {
        var message = new T();
        new WireReader(file, external).ReadFields(message);
        return message;
    }

    /// <summary>Where tensors that are kept in files beside this one are found.</summary>
    public ExternalFiles External => external;

    /// <summary>A message inside of the one being read.</summary>
    public T Message<T>() where T : IWireMessage, new()
    {
        var length = Length();
        if (++_depth > OnnxLimits.Depth)
            throw Malformed($"messages lie more than {OnnxLimits.Depth} deep");
        var (end, outer) = (_end, _message);
        _end = _position + length;
        _message = typeof(T).Name;
        var message = new T();
        ReadFields(message);
        (_end, _message) = (end, outer);
        _depth--;
        return message;
    }

    /// <summary>A whole number; negative ones are stored as 64-bit two's complement.</summary>
    public long Number()
    {
        Expect(WireType.Varint);
        return (long)Varint();
    }

    /// <summary>A number that has to fit an <see cref="int"/>.</summary>
    public int SmallNumber()
    {
        var value = Number();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Malformed($"{value} is out of range");
    }

    /// <summary>A 32-bit float.</summary>
    public float Float()
    {
        Expect(WireType.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    /// <summary>UTF-8 text.</summary>
    public string Text()
    {
        CountItem();
        try
        {
            return StrictUtf8.GetString(Take(TextLength()));
        }
        catch (DecoderFallbackException)
        {
            throw Malformed("a text is not UTF-8");
        }
    }

    /// <summary>Bytes that are no tensor, such as a text attribute.</summary>
    public byte[] Bytes()
    {
        CountItem();
        return Take(TextLength()).ToArray();
    }

    /// <summary>Bytes left where they lie.</summary>
    public ByteBlock Block()
    {
        var length = Length();
        _position += length;
        return new MappedBlock(file, _position - length, length);
    }

    /// <summary>Adds one number, or, where they are packed, all of them.</summary>
    /// <returns>Whether they were packed.</returns>
    public bool Numbers(List<long> values)
    {
        if (_type == WireType.Varint)
        {
            CountItem();
            values.Add(Number());
            return false;
        }
        for (var end = Length() + _position; _position < end;)
        {
            CountItem();
            values.Add((long)Varint());
            if (_position > end)
                throw Malformed("a packed number passes the end of its field");
        }
        return true;
    }

    /// <summary>Adds one float, or, where they are packed, all of them.</summary>
    /// <returns>Whether they were packed.</returns>
    public bool Floats(List<float> values)
    {
        if (_type == WireType.Fixed32)
        {
            CountItem();
            values.Add(Float());
            return false;
        }
        var length = Length();
        if (length % sizeof(float) != 0 || length > OnnxLimits.TextBytes)
            throw Malformed($"{length} bytes are no attribute of floats");
        values.AddRange(MemoryMarshal.Cast<byte, float>(Take((int)length)));
        return true;
    }

    /// <summary>Whether the field at hand is one length-delimited piece, so that numbers in it are packed.</summary>
    public bool IsPacked => _type == WireType.Bytes;

    /// <summary>The error of a file that is not what it should be, with the place.</summary>
    public OnnxException Malformed(string problem) => new(file.Path, $"at byte {_fieldStart} in {_message}: {problem}", Remedy);

    /// <summary>The bytes of a field whose value is one number, without its tag.</summary>
    public byte[] RawValue()
    {
        var start = _position;
        Skip();
        return file.Slice(start, (int)(_position - start)).ToArray();
    }

    private static UTF8Encoding StrictUtf8 { get; } = new(false, throwOnInvalidBytes: true);

    private void ReadFields(IWireMessage message)
    {
        CountItem();
        while (_position < _end)
        {
            _fieldStart = _position;
            var tag = Varint();
            var field = tag >> 3;
            _type = (WireType)(tag & 7);
            if (field is 0 or > int.MaxValue >> 3 || _type is not (WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32))
                throw Malformed($"{tag} is no tag of a field");
            var start = _fieldStart;
            if (!message.ReadField((int)field, this))
                message.Unknown.Add((int)field, SkipWhole(start));
        }
    }

    private byte[] SkipWhole(long start)
    {
        CountItem();
        Skip();
        if (_position - start > OnnxLimits.TextBytes)
            throw Malformed($"an unknown field of {_position - start} bytes is over the limit of {OnnxLimits.TextBytes}");
        return file.Slice(start, (int)(_position - start)).ToArray();
    }

    private void Skip()
    {
        switch (_type)
        {
            case WireType.Varint: Varint(); break;
            case WireType.Fixed32: Take(sizeof(int)); break;
            case WireType.Fixed64: Take(sizeof(long)); break;
            default:
                var length = Length();
                _position += length;
                break;
        }
    }

    private int TextLength()
    {
        var length = Length();
        return length <= OnnxLimits.TextBytes
            ? (int)length
            : throw Malformed($"a text of {length} bytes is over the limit of {OnnxLimits.TextBytes}");
    }

    private long Length()
    {
        Expect(WireType.Bytes);
        var length = Varint();
        return length <= (ulong)(_end - _position)
            ? (long)length
            : throw Malformed($"{length} bytes are announced, but only {_end - _position} follow");
    }

    private void Expect(WireType type)
    {
        if (_type != type)
            throw Malformed($"a field is stored as {_type} where {type} belongs");
    }

    private ulong Varint()
    {
        var bytes = file.Slice(_position, (int)Math.Min(10, _end - _position));
        var value = 0UL;
        for (var i = 0; i < bytes.Length; i++)
        {
            value |= (bytes[i] & 0x7FUL) << (7 * i);
            if (bytes[i] >= 0x80)
                continue;
            _position += i + 1;
            return value;
        }
        throw Malformed("a number does not end");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _end - _position)
            throw Malformed("the message ends within a value");
        var bytes = file.Slice(_position, length);
        _position += length;
        return bytes;
    }

    private void CountItem()
    {
        if (++_items > OnnxLimits.Items)
            throw Malformed($"the file holds more than {OnnxLimits.Items} messages, texts and numbers");
    }
}
