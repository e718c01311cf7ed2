using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Coppice.Tests.Checkpoints.PyTorch;

/// <summary>Builds pickles and archives by hand, honest and hostile.</summary>
internal static class Pickles
{
    public static byte[] Of(params object[] parts)
    {
        using var bytes = new MemoryStream();
        bytes.Write([0x80, 2]);
        foreach (var part in parts)
            bytes.Write(part is byte[] raw ? raw : Encoding.Latin1.GetBytes((string)part));
        bytes.WriteByte((byte)'.');
        return bytes.ToArray();
    }

    public static byte[] Text(string text)
    {
        var bytes = new byte[5 + text.Length];
        bytes[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), text.Length);
        Encoding.ASCII.GetBytes(text).CopyTo(bytes, 5);
        return bytes;
    }

    /// <summary>A float tensor of storage '0' with one-byte numbers.</summary>
    public static object[] Tensor(int count, int offset, byte[] size, byte[] stride, string type = "FloatStorage", string key = "0") =>
    [
        "ctorch._utils\n_rebuild_tensor_v2\n(", "(", Text("storage"), $"ctorch\n{type}\n", Text(key), Text("cpu"), Int(count), "tQ",
            Int(offset),
        "(", Ints(size), "t(", Ints(stride), "t", new byte[] { 0x89 }, "ccollections\nOrderedDict\n)RtR",
    ];

    /// <summary>A dict of one entry, 'w'.</summary>
    public static byte[] DictOf(params object[] value) => Of(["}(", Text("w"), .. value, "u"]);

    public static byte[] Zip(byte[] pickle, params (string Name, byte[] Bytes)[] more)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in more.Prepend(("archive/data.pkl", pickle)))
            {
                using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                stream.Write(content);
            }
        return bytes.ToArray();
    }

    private static byte[] Ints(byte[] values) => [.. values.SelectMany(value => Int(value))];

    private static byte[] Int(int value)
    {
        var bytes = new byte[5];
        bytes[0] = (byte)'J';
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), value);
        return bytes;
    }
}
