using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Onnx;
using Coppice.Pruning.Masks;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Tests.Onnx;

public sealed class OnnxImageClassifierTests
{
    private static readonly string Mnist = TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx");

    [Fact]
    public void Train_PrunedMnistModel_LowersItsLossKeepsItsMasksAndSavesUnderTheSameNames()
    {
        using var folder = new TempFolder();
        var module = Open(Mnist);
        var model = new OnnxImageClassifier(module);
        var layers = new[] { "Parameter5", "Parameter87", "Parameter193" };
        foreach (var name in layers)
            Prune.L1Unstructured(model, name, 0.9);
        var losses = new List<double>();
        var trainer = new Trainer(TrainingTask.Of(model), new Sgd(model, 1e-3) { Momentum = 0.9 }, new(Images(200), new() { BatchSize = 25, Seed = 1 }),
            new() { Steps = 24, ReportEvery = 8 });
        trainer.Run(report => losses.Add(report.Loss));
        Assert.True(losses[^1] < 0.7 * losses[0], string.Join(", ", losses));

        module.Save(folder["trained.onnx"]);
        var again = Open(folder["trained.onnx"]);
        Assert.Equal(module.Inputs.Select(input => $"{input}"), again.Inputs.Select(input => $"{input}"));
        foreach (var name in layers)
        {
            var values = again.Parameter(name).Value.ToArray<float>();
            Assert.InRange(values.Count(value => value == 0) / (double)values.Length, 0.89, 0.91);
            Assert.Equal(model.Parameter(name).Value.ToArray<float>(), values);
            Assert.NotEqual(Open(Mnist).Parameter(name).Value.ToArray<float>(), values);
        }
    }

    [Fact]
    public void Forward_OfABatch_IsThatOfEachImage()
    {
        using var scope = new TensorScope();
        var model = new OnnxImageClassifier(Open(Mnist));
        var images = ((ImageBatch)Images(3).Load([0, 1, 2])).Images;
        var together = model.Forward(images);
        Assert.Equal<Shape>([3, 10], together.Shape);
        Assert.Equal(model.Forward(images.Narrow(0, 2, 1)).ToArray<float>(), together.Narrow(0, 2, 1).ToArray<float>());
    }

    [Fact]
    public void Forward_OfAModelWithChannelsLastAndSoftmax_GivesTheLogitsBeforeIt()
    {
        using var folder = new TempFolder();
        var graph = new GraphProto { Name = "g" };
        graph.Nodes.Add(new() { OpType = "ReduceMean", Inputs = { "x" }, Outputs = { "m" }, Attributes = { AttributeProto.From("axes", (long[])[1, 2]), AttributeProto.From("keepdims", 0L) } });
        graph.Nodes.Add(new() { OpType = "MatMul", Inputs = { "m", "w" }, Outputs = { "z" } });
        graph.Nodes.Add(new() { OpType = "Softmax", Inputs = { "z" }, Outputs = { "y" } });
        graph.Initializers.Add(TensorProto.From(TensorSource.From("w", Tensor.From<float>([1, 2, 3, 4, 5, 6], [3, 2]))));
        graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, new long?[] { null, 4, 4, 3 }.Select(size => new Dimension { Value = size })));
        graph.Outputs.Add(new() { Name = "y" });
        var proto = new ModelProto { IrVersion = 8, Graph = graph };
        proto.OpsetImports.Add(new() { Domain = "", Version = 13 });
        OnnxFile.Save(proto, folder["m.onnx"]);

        var model = new OnnxImageClassifier(Open(folder["m.onnx"]));
        Assert.True(model.IsChannelsLast);
        Assert.Equal(2, model.Labels);
        var image = Tensor.Zeros([1, 3, 4, 4]);
        image.AsSpan<float>()[16..32].Fill(1); // the second channel
        Assert.Equal([3, 4], model.Forward(image).ToArray<float>());
    }

    [Fact]
    public void New_OfAModelThatTakesNoImages_NamesItsInput()
    {
        using var folder = new TempFolder();
        OnnxFile.Save(OneNode.Model("Relu", [Tensor.Zeros([2, 3])], 1, 17), folder["m.onnx"]);
        var error = Assert.Throws<OnnxException>(() => new OnnxImageClassifier(Open(folder["m.onnx"])));
        Assert.Contains("x0 F32 [2, 3]", error.Message, StringComparison.Ordinal);
    }

    private static OnnxModule Open(string path)
    {
        using var file = OnnxFile.Open(path);
        return new(file);
    }

    /// <summary>Pixels of 0..255, as the model takes them.</summary>
    private static ImageTrainingData Images(int count) =>
        new(ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz")).Take(count), [0], [1f / 255]);
}
