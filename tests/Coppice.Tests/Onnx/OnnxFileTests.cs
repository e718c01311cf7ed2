using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx;

public sealed class OnnxFileTests
{
    [Theory]
    [InlineData("mnist_cntk.onnx")]
    [InlineData("silero_vad_16k_op15.onnx")]
    public void Save_UnchangedModel_GivesTheSameBytes(string name)
    {
        using var folder = new TempFolder();
        var path = TestData.InRepository("samples", "models", "onnx", name);
        using var file = OnnxFile.Open(path);
        OnnxFile.Save(file.Model, folder["copy.onnx"]);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(folder["copy.onnx"]));
        Assert.Equal(["copy.onnx"], folder.Names());
    }

    [Fact]
    public void Save_FieldsWithoutAProperty_GivesTheSameBytes()
    {
        using var folder = new TempFolder();
        byte[] attribute = [.. Wire.Text(1, "a"), .. Wire.Bytes(8, [1, 2, 0x80, 1]), .. Wire.Bytes(14, [8, 1]), .. Wire.Number(20, 7), .. Wire.Text(30, "x")];
        byte[] tensor = [.. Wire.Bytes(1, [1]), .. Wire.Number(2, 8), .. Wire.Text(6, "text"), .. Wire.Text(8, "t"), .. Wire.Bytes(16, [10, 0])];
        byte[] whole =
        [
            .. Wire.Number(1, 8), .. Wire.Bytes(7, Wire.Bytes(1, Wire.Bytes(5, attribute)), Wire.Bytes(5, tensor), Wire.Bytes(14, [])),
            .. Wire.Bytes(26, [1 << 3, 5]), .. Wire.Varint(77 << 3 | 1), 1, 2, 3, 4, 5, 6, 7, 8, .. Wire.Varint(78 << 3 | 5), 1, 2, 3, 4,
        ];
        using var file = OnnxFile.Open(folder.Write("a.onnx", whole));
        OnnxFile.Save(file.Model, folder["b.onnx"]);
        Assert.Equal(whole, File.ReadAllBytes(folder["b.onnx"]));
    }

    [Fact]
    public void Open_Sample_ReadsStructureAndTensors()
    {
        using var file = OnnxFile.Open(TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx"));
        var graph = file.Model.Graph!;
        Assert.Equal((3L, 8L, "CNTK"), (file.Model.IrVersion, file.Model.OpsetVersion(), file.Model.ProducerName));
        Assert.Equal(["Reshape", "Conv", "Add", "Relu", "MaxPool", "Conv", "Add", "Relu", "MaxPool", "Reshape", "MatMul", "Add"],
            graph.Nodes.Select(node => node.OpType));
        Assert.Equal("SAME_UPPER", graph.Nodes[1].Attribute("auto_pad")!.Text);
        Assert.Equal("1 1 28 28", string.Join(' ', graph.Inputs.Single(input => input.Name == "Input3").Type!.Tensor!.Shape!.Dims));
        var kernel = graph.Initializers.Single(tensor => tensor.Name == "Parameter5").Source();
        Assert.Equal(([8, 1, 5, 5], DType.F32), (kernel.Shape, kernel.DType));
        Assert.All(kernel.ToTensor().ToArray<float>(), value => Assert.InRange(value, -2f, 2f));
    }

    [Fact]
    public void Save_ReplacedTensor_ChangesIt()
    {
        using var folder = new TempFolder();
        using (var file = OnnxFile.Open(folder.Write("a.onnx", Wire.ModelWithTensor(Wire.Number(1, 1), Wire.Number(2, 1), Wire.Bytes(9, new byte[4])))))
        {
            var tensor = Assert.Single(file.Model.Graph!.Initializers);
            tensor.SetData(TensorSource.From("ignored", Tensor.From<long>([3, -4], [2])));
            OnnxFile.Save(file.Model, folder["a.onnx"], overwrite: true);
        }
        using var saved = OnnxFile.Open(folder["a.onnx"]);
        var read = Assert.Single(saved.Model.Graph!.Initializers);
        Assert.Equal("t Int64 [2]", read.ToString());
        Assert.Equal([3, -4], read.Source().ToTensor().ToArray<long>());
    }

    [Fact]
    public void Save_OutputExists_IsRefusedAndLeavesIt()
    {
        using var folder = new TempFolder();
        folder.Write("a.onnx", [1]);
        Assert.Throws<CheckpointException>(() => OnnxFile.Save(new ModelProto(), folder["a.onnx"]));
        Assert.Equal([1], File.ReadAllBytes(folder["a.onnx"]));
        Assert.Equal(["a.onnx"], folder.Names());
    }

    [Fact]
    public void Save_DataFileExists_IsReplacedOnlyWhenAsked()
    {
        using var folder = new TempFolder();
        using var file = OnnxFile.Open(WithDataBeside(folder));
        folder.Write("copy.onnx.data", [7]);
        var error = Assert.Throws<CheckpointException>(() => OnnxFile.Save(file.Model, folder["copy.onnx"]));
        Assert.Contains("copy.onnx.data", error.Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointException>(() => OnnxFile.Place(folder["copy.onnx"], false, place =>
        {
            OnnxFile.Save(file.Model, place);
            return 0;
        }));
        Assert.Equal([7], File.ReadAllBytes(folder["copy.onnx.data"]));
        Assert.Equal(["a.bin", "a.onnx", "copy.onnx.data"], folder.Names());
        OnnxFile.Save(file.Model, folder["copy.onnx"], overwrite: true);
        using var copy = OnnxFile.Open(folder["copy.onnx"]);
        Assert.Equal([1.5f], Assert.Single(copy.Model.Graph!.Initializers).Source().ToTensor().ToArray<float>());
    }

    [Fact]
    public void RefuseAsOutput_FilesOfTheModel_AreRefusedThroughLinksToo()
    {
        using var folder = new TempFolder();
        using var file = OnnxFile.Open(WithDataBeside(folder));
        File.CreateSymbolicLink(folder["b.onnx.data"], folder["a.bin"]);
        File.CreateSymbolicLink(folder["c.onnx"], folder["a.onnx"]);
        foreach (var name in new[] { "a.onnx", "a.bin", "b.onnx", "c.onnx" })
            Assert.Throws<CheckpointException>(() => file.RefuseAsOutput(folder[name]));
        file.RefuseAsOutput(folder["other.onnx"]);
    }

    [Fact]
    public void Save_UnreadableTensor_LeavesNothing()
    {
        using var folder = new TempFolder();
        using var file = OnnxFile.Open(folder.Write("a.onnx", Wire.ModelWithTensor(Wire.Number(2, 1), Wire.External("missing.bin"))));
        Assert.Throws<OnnxException>(() => OnnxFile.Save(file.Model, folder["b.onnx"]));
        Assert.Equal(["a.onnx"], folder.Names());
    }

    [Fact]
    public void Open_AnyDamagedByte_IsReadOrRefused()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx"));
        for (var at = 0; at < whole.Length; at += at < 2000 ? 11 : 997)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= (byte)(at % 2 == 0 ? 0xff : 1);
            AssertSurvives(folder.Write("x", damaged), at);
            AssertSurvives(folder.Write("x", whole.AsSpan(0, at)), at);
        }
    }

    [Fact]
    public void Open_MissingFile_SaysSo() =>
        Assert.StartsWith("/nowhere/a.onnx: the file can't be read: ", Assert.Throws<OnnxException>(() => OnnxFile.Open("/nowhere/a.onnx")).Message);

    [Fact]
    public void Open_Malformed_NamesFilePlaceAndProblem()
    {
        AssertRefused([], "the file holds no graph");
        AssertRefused(Wire.Bytes(7), "IR version  is not one of 3 to 10");
        AssertRefused([.. Wire.Number(1, 99), .. Wire.Bytes(7)], "IR version 99 is not one of 3 to 10");
        AssertRefused([0x0B], "at byte 0 in the model: 11 is no tag of a field");
        AssertRefused([0x08, 0x80], "at byte 0 in the model: a number does not end");
        AssertRefused([0x3A, 0x05, 0x0A], "at byte 0 in the model: 5 bytes are announced, but only 1 follow");
        AssertRefused(Wire.Model(Wire.Bytes(1, [0x22, 0x7F])), "at byte 6 in NodeProto: 127 bytes are announced, but only 0 follow");
        AssertRefused(Wire.Model(Wire.Number(1, 5)), "a field is stored as Varint where Bytes belongs");
        AssertRefused(Wire.Model(Wire.Bytes(2, [0xFF])), "in GraphProto: a text is not UTF-8");
        AssertRefused(Wire.Model(Wire.Bytes(15, Wire.Bytes(1, Wire.Text(8, "w")))), "'w' is a sparse_initializer");
        AssertRefused(Wire.ModelWithTensor(Wire.Bytes(4, new byte[4]), Wire.Bytes(9, new byte[4])), "has elements in fields 4 and 9");
    }

    [Fact]
    public void Open_MessagesNestedTooDeep_IsRefused()
    {
        byte[] graph = [];
        for (var depth = 0; depth < 60; depth++)
            graph = Wire.Bytes(1, Wire.Bytes(5, Wire.Bytes(6, graph)));
        AssertRefused(Wire.Model(graph), "messages lie more than 100 deep");
    }

    /// <summary>A model whose one tensor, of the number 1.5, lies in a.bin.</summary>
    private static string WithDataBeside(TempFolder folder)
    {
        folder.Write("a.bin", BitConverter.GetBytes(1.5f));
        return folder.Write("a.onnx", Wire.ModelWithTensor(Wire.Number(1, 1), Wire.Number(2, 1), Wire.External("a.bin")));
    }

    private static void AssertRefused(byte[] bytes, string message)
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<OnnxException>(() => OnnxFile.Open(folder.Write("a.onnx", bytes)));
        Assert.StartsWith(folder["a.onnx"] + ": ", error.Message);
        Assert.Contains(message, error.Message);
    }

    private static void AssertSurvives(string path, int at)
    {
        var error = Record.Exception(() =>
        {
            using var file = OnnxFile.Open(path);
            foreach (var tensor in file.Model.Graph!.Initializers)
                tensor.Source().ToTensor();
        });
        Assert.True(error is null or OnnxException, $"byte {at}: {error}");
    }
}
