using Coppice.Checkpoints;
using Coppice.Onnx;

namespace Coppice.Tests.Onnx;

public sealed class TensorProtoTests
{
    private static readonly byte[] Two = Wire.Number(1, 2);

    [Fact]
    public void Source_EachWayToStoreElements_ReadsThem()
    {
        Assert.Equal([1.5f, -2f], Read<float>(Two, Wire.Number(2, 1), Wire.Bytes(9, [0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0])));
        Assert.Equal([1.5f, -2f], Read<float>(Two, Wire.Number(2, 1), Wire.Bytes(4, [0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0])));
        Assert.Equal([1.5f, -2f], Read<float>(Two, Wire.Number(2, 1), [0x25, 0, 0, 0xC0, 0x3F, 0x25, 0, 0, 0, 0xC0]));
        Assert.Equal([7, -1], Read<long>(Two, Wire.Number(2, 7), Wire.Bytes(7, [7], Wire.Varint(ulong.MaxValue))));
        Assert.Equal([7, -1], Read<long>(Two, Wire.Number(2, 7), Wire.Number(7, 7), Wire.Number(7, -1)));
        Assert.Equal([300, -1], Read<int>(Two, Wire.Number(2, 6), Wire.Bytes(5, Wire.Varint(300), Wire.Varint(ulong.MaxValue))));
        Assert.Equal([(Half)1.5f, (Half)(-2f)], Read<Half>(Two, Wire.Number(2, 10), Wire.Bytes(5, Wire.Varint(0x3E00), Wire.Varint(0xC000))));
        Assert.Equal([1.0, 0], Read<double>(Two, Wire.Number(2, 11), Wire.Bytes(10, BitConverter.GetBytes(1.0), new byte[8])));
        Assert.Equal([(byte)1, (byte)0], Read<byte>(Two, Wire.Number(2, 9), Wire.Bytes(5, [1, 0])));
        Assert.Equal([5L], Read<long>(Wire.Number(2, 7), Wire.Bytes(7, [5])));
        Assert.Equal([], Read<float>(Wire.Number(1, 0), Wire.Number(2, 1)));
    }

    [Fact]
    public void Source_WhatDoesNotFit_NamesTensorAndProblem()
    {
        AssertRefused("elements of type String are not supported", Two, Wire.Number(2, 8), Wire.Text(6, "a"));
        AssertRefused("[-1] are no sizes of a tensor of F32", Wire.Number(1, -1), Wire.Number(2, 1));
        AssertRefused("[4294967296, 4294967296] are no sizes", Wire.Number(1, 1L << 32), Wire.Number(1, 1L << 32), Wire.Number(2, 1));
        AssertRefused("there are no elements for F32 [2]", Two, Wire.Number(2, 1));
        AssertRefused("F32 [2] takes 8 bytes, but there are 4", Two, Wire.Number(2, 1), Wire.Bytes(9, new byte[4]));
        AssertRefused("elements of F32 are stored in field 7, where 4 belongs", Two, Wire.Number(2, 1), Wire.Bytes(7, [1, 2]));
        AssertRefused("the stored numbers are not the 2 of I64 [2]", Two, Wire.Number(2, 7), Wire.Bytes(7, [1, 2, 3]));
        AssertRefused("the stored numbers are not the 2 of I64 [2]", Two, Wire.Number(2, 7), Wire.Bytes(7, [1, 0x80]));
        AssertRefused("the stored numbers are not the 2147483647", Wire.Number(1, int.MaxValue), Wire.Number(2, 7), Wire.Bytes(7, [1]));
    }

    [Fact]
    public void Source_External_ReadsTheRange()
    {
        using var folder = new TempFolder();
        folder.Write("data/w.bin", [9, 9, 9, 9, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 9]);
        using var file = Open(folder, Two, Wire.Number(2, 1), Wire.External("data/w.bin", "4", "8"));
        Assert.Equal([1f, 2f], Assert.Single(file.Model.Graph!.Initializers).Source().ToTensor().ToArray<float>());
    }

    [Fact]
    public void Save_ExternalTensors_GoIntoOneFileBesideTheModel()
    {
        using var folder = new TempFolder();
        using var other = new TempFolder();
        folder.Write("w.bin", [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        using (var file = Open(folder, Two, Wire.Number(2, 1), Wire.External("w.bin")))
        {
            Assert.True(file.Model.Graph!.Initializers[0].IsExternal);
            OnnxFile.Save(file.Model, other["m.onnx"]);
        }
        Assert.Equal(["m.onnx", "m.onnx.data"], other.Names());
        using var saved = OnnxFile.Open(other["m.onnx"]);
        Assert.Equal([1f, 2f], saved.Model.Graph!.Initializers[0].Source().ToTensor().ToArray<float>());
    }

    [Theory]
    [InlineData("../w.bin", "0", "8", "'../w.bin' is no path of a file below the model's folder")]
    [InlineData("a/../../w.bin", "0", "8", "is no path of a file below the model's folder")]
    [InlineData("/etc/passwd", "0", "8", "'/etc/passwd' is no path of a file below the model's folder")]
    [InlineData("C:w.bin", "0", "8", "is no path of a file below the model's folder")]
    [InlineData("", "0", "8", "'' is no path of a file below the model's folder")]
    [InlineData("missing.bin", "0", "8", "'missing.bin' can't be read")]
    [InlineData("w.bin", "-1", "8", "'-1' is no offset or length of external data")]
    [InlineData("w.bin", "4", "8", "bytes 4..4+8 are not within 'w.bin', which has 8")]
    [InlineData("w.bin", "9223372036854775807", "8", "are not within 'w.bin'")]
    [InlineData("w.bin", "0", "4", "F32 [2] takes 8 bytes, but there are 4")]
    public void Source_ExternalOutOfBounds_IsRefused(string location, string offset, string length, string message)
    {
        using var folder = new TempFolder();
        folder.Write("w.bin", new byte[8]);
        using var file = Open(folder, Two, Wire.Number(2, 1), Wire.External(location, offset, length));
        var error = Assert.Throws<OnnxException>(() => file.Model.Graph!.Initializers[0].Source());
        Assert.Contains("tensor 't': ", error.Message);
        Assert.Contains(message, error.Message);
    }

    private static OnnxFile Open(TempFolder folder, params byte[][] fields) =>
        OnnxFile.Open(folder.Write("a.onnx", Wire.ModelWithTensor(fields)));

    private static T[] Read<T>(params byte[][] fields) where T : unmanaged
    {
        using var folder = new TempFolder();
        using var file = Open(folder, fields);
        var tensor = file.Model.Graph!.Initializers[0].Source().ToTensor();
        return typeof(T) == typeof(byte) ? (T[])(object)tensor.ReadOnlyBytes(0, (int)tensor.Count).ToArray() : tensor.ToArray<T>();
    }

    private static void AssertRefused(string message, params byte[][] fields)
    {
        using var folder = new TempFolder();
        using var file = Open(folder, fields);
        var error = Assert.Throws<OnnxException>(() => file.Model.Graph!.Initializers[0].Source());
        Assert.StartsWith($"{folder["a.onnx"]}: tensor 't': ", error.Message);
        Assert.Contains(message, error.Message);
    }
}
