using System.Text;

namespace Coppice.Tests.Onnx;

/// <summary>Writes protobuf by hand, so that tests can say what no writer would.</summary>
internal static class Wire
{
    public static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    public static byte[] Number(int field, long value) => [.. Varint((ulong)field << 3), .. Varint((ulong)value)];

    public static byte[] Bytes(int field, params byte[][] parts)
    {
        byte[] content = [.. parts.SelectMany(part => part)];
        return [.. Varint(((ulong)field << 3) | 2), .. Varint((ulong)content.Length), .. content];
    }

    public static byte[] Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    /// <summary>A model of IR version 8 whose graph has these fields.</summary>
    public static byte[] Model(params byte[][] graphFields) => [.. Number(1, 8), .. Bytes(7, graphFields)];

    /// <summary>A model with one initializer 't' of these fields.</summary>
    public static byte[] ModelWithTensor(params byte[][] fields) => Model(Bytes(5, [.. fields, Text(8, "t")]));

    /// <summary>The entries of external data.</summary>
    public static byte[] External(string location, string offset = "0", string? length = null) =>
    [
        .. Entry("location", location), .. Entry("offset", offset), .. length is null ? [] : Entry("length", length), .. Number(14, 1),
    ];

    private static byte[] Entry(string key, string value) => Bytes(13, Text(1, key), Text(2, value));
}
