using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx;

public sealed class OnnxWeightsTests
{
    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");

    [Fact]
    public void Save_WithATensorReplaced_ChangesThatAlone()
    {
        using var folder = new TempFolder();
        using var weights = OnnxWeights.Open(Mnist);
        var shape = weights["Parameter5"].Shape;
        weights.Save(folder["m.onnx"], [TensorSource.From("Parameter5", Tensor.Full(shape, 2))]);
        using var changed = OnnxWeights.Open(folder["m.onnx"]);
        Assert.Equal(weights.Tensors.Select(tensor => tensor.Name), changed.Tensors.Select(tensor => tensor.Name));
        foreach (var tensor in changed.Tensors)
            if (tensor.Name == "Parameter5")
                Assert.All(tensor.ToSingle().ToArray<float>(), value => Assert.Equal(2, value));
            else
                Assert.Equal(weights[tensor.Name].ToTensor().ReadOnlyBytes(0, (int)tensor.ByteLength), tensor.ToTensor().ReadOnlyBytes(0, (int)tensor.ByteLength));
    }

    [Fact]
    public void Save_WithNothingReplaced_GivesTheSameBytes()
    {
        using var folder = new TempFolder();
        using var weights = OnnxWeights.Open(Mnist);
        weights.Save(folder["m.onnx"]);
        Assert.Equal(File.ReadAllBytes(Mnist), File.ReadAllBytes(folder["m.onnx"]));
    }

    [Fact]
    public void Save_OverItself_IsRefused()
    {
        using var folder = new TempFolder();
        File.Copy(Mnist, folder["m.onnx"]);
        using var weights = OnnxWeights.Open(folder["m.onnx"]);
        var error = Assert.Throws<CheckpointException>(() => weights.Save(folder["m.onnx"], options: new() { Overwrite = true }));
        Assert.Contains("the input itself", error.Message, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Mnist), File.ReadAllBytes(folder["m.onnx"]));
    }

    [Fact]
    public void Save_BesideDataOfTheInput_IsRefusedEvenWithOverwrite()
    {
        using var folder = new TempFolder();
        folder.Write("model.onnx.data", BitConverter.GetBytes(1.5f));
        using var weights = OnnxWeights.Open(folder.Write("original.onnx",
            Wire.ModelWithTensor(Wire.Number(1, 1), Wire.Number(2, 1), Wire.External("model.onnx.data"))));
        var error = Assert.Throws<CheckpointException>(() => weights.Save(folder["model.onnx"], options: new() { Overwrite = true }));
        Assert.Contains("model.onnx.data holds weights of the input", error.Message, StringComparison.Ordinal);
        Assert.Equal(["model.onnx.data", "original.onnx"], folder.Names());
    }

    [Fact]
    public void Save_OfAnUnknownTensorOrFormat_IsRefusedAndWritesNothing()
    {
        using var folder = new TempFolder();
        using var weights = OnnxWeights.Open(Mnist);
        Assert.Throws<ArgumentException>(() => weights.Save(folder["m.onnx"], [TensorSource.From("nobody", Tensor.Zeros([1]))]));
        Assert.Throws<CheckpointException>(() => weights.Save(folder["m.onnx"], options: new() { Format = CheckpointFormat.PyTorch }));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }
}
