using System.Buffers.Binary;
using System.Text;
using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Tests.Checkpoints;

/// <summary>Small files and tensors that checkpoint tests are made of.</summary>
internal static class Samples
{
    public static TensorSource Floats(string name, params float[] values) =>
        TensorSource.From(name, Tensor.From<float>(values, [values.Length]));

    public static byte[] BytesOf(TensorSource source)
    {
        var bytes = new byte[source.ByteLength];
        source.Read(0, bytes);
        return bytes;
    }

    public static byte[] SafeTensors(string header, int dataLength)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        return file;
    }

    /// <summary>Same names in the same order, same types, shapes, bytes, and the same names tied.</summary>
    public static void AssertSame(Checkpoint expected, Checkpoint actual)
    {
        Assert.Equal(expected.Tensors.Select(tensor => tensor.ToString()).Order(),
            actual.Tensors.Select(tensor => tensor.ToString()).Order());
        foreach (var tensor in expected.Tensors)
            Assert.True(BytesOf(tensor).AsSpan().SequenceEqual(BytesOf(actual[tensor.Name])), tensor.Name);
        Assert.Equal(Ties(expected), Ties(actual));
    }

    public static string[] Ties(Checkpoint checkpoint) =>
        [.. checkpoint.Tensors.Where(tensor => tensor.Count > 0).GroupBy(tensor => tensor.Identity)
        .Where(group => group.Count() > 1).Select(group => string.Join("=",
            group.Select(tensor => tensor.Name).Order(StringComparer.Ordinal)))];
}
