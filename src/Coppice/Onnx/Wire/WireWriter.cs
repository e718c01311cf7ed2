using System.Buffers.Binary;
using System.Text;
using Coppice.Checkpoints;

namespace Coppice.Onnx.Wire;

/// <summary>Writes protobuf's wire format to a stream, or, without one, only counts: a message is preceded by its length.</summary>
internal sealed class WireWriter(Stream? target, ExternalLayout? external = null)
{
    private const int ChunkBytes = 1 << 20;

    private readonly byte[] _small = new byte[10];

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    /// <summary>Which tensors are kept in a file beside, and where; null where all are part of the message.</summary>
    public ExternalLayout? External => external;

    /// <summary>Bytes that a message takes.</summary>
    public long Measure(IWireMessage message)
    {
        var counter = new WireWriter(null, external);
        message.Write(counter);
        return counter.Length;
    }

    public void Message(int field, IWireMessage? message)
    {
        if (message is null)
            return;
        Tag(field, WireType.Bytes);
        Varint((ulong)Measure(message));
        message.Write(this);
    }

    public void Messages(int field, IEnumerable<IWireMessage> messages)
    {
        foreach (var message in messages)
            Message(field, message);
    }

    public void Number(int field, long? value)
    {
        if (value is not { } number)
            return;
        Tag(field, WireType.Varint);
        Varint((ulong)number);
    }

    public void Numbers(int field, List<long> values, bool packed)
    {
        if (!packed)
        {
            foreach (var value in values)
                Number(field, value);
            return;
        }
        Tag(field, WireType.Bytes);
        Varint((ulong)values.Sum(value => (long)VarintLength((ulong)value)));
        foreach (var value in values)
            Varint((ulong)value);
    }

    public void Float(int field, float? value)
    {
        if (value is not { } number)
            return;
        Tag(field, WireType.Fixed32);
        Single(number);
    }

    public void Floats(int field, List<float> values, bool packed)
    {
        if (packed)
        {
            Tag(field, WireType.Bytes);
            Varint((ulong)values.Count * sizeof(float));
        }
        foreach (var value in values)
            if (packed)
                Single(value);
            else
                Float(field, value);
    }

    public void Text(int field, string? text)
    {
        if (text is not null)
            Bytes(field, Encoding.UTF8.GetBytes(text));
    }

    public void Texts(int field, IEnumerable<string> texts)
    {
        foreach (var text in texts)
            Text(field, text);
    }

    public void Bytes(int field, byte[]? bytes)
    {
        if (bytes is null)
            return;
        Tag(field, WireType.Bytes);
        Varint((ulong)bytes.Length);
        Raw(bytes);
    }

    public void Block(int field, ByteBlock block)
    {
        Tag(field, WireType.Bytes);
        Varint((ulong)block.Length);
        if (target is not null)
            Copy(block, target);
        Length += block.Length;
    }

    /// <summary>Fields that are encoded already.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        target?.Write(bytes);
        Length += bytes.Length;
    }

    /// <summary>Writes a block's bytes without looking at more than a piece at a time.</summary>
    public static void Copy(ByteBlock block, Stream target)
    {
        var buffer = new byte[Math.Min(ChunkBytes, block.Length)];
        for (long at = 0; at < block.Length; at += buffer.Length)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, block.Length - at));
            block.Read(at, piece);
            target.Write(piece);
        }
    }

    private void Tag(int field, WireType type) => Varint(((ulong)field << 3) | (uint)type);

    private void Single(float value)
    {
        BinaryPrimitives.WriteSingleLittleEndian(_small, value);
        Raw(_small.AsSpan(0, sizeof(float)));
    }

    private void Varint(ulong value)
    {
        var length = 0;
        for (; value >= 0x80; value >>= 7)
            _small[length++] = (byte)(value | 0x80);
        _small[length++] = (byte)value;
        Raw(_small.AsSpan(0, length));
    }

    private static int VarintLength(ulong value) => (System.Numerics.BitOperations.Log2(value | 1) + 7) / 7;
}
