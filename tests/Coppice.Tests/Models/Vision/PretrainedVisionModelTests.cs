using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Models.Vision;

namespace Coppice.Tests.Models.Vision;

/// <summary>The sample networks on the sample images, against torch (tests/Golden/vision/make.py).</summary>
public sealed class PretrainedVisionModelTests
{
    private static readonly string ResNet20 = TestData.InRepository("samples", "models", "cifar10-resnet", "resnet20-12fca82f.th");
    private static readonly string MnistNet = TestData.InRepository("samples", "models", "mnist", "cnn.pt");
    private static readonly string Cifar = TestData.InRepository("samples", "data", "cifar10", "test-500.bin");
    private static readonly string Mnist = TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz");

    [Fact]
    public void Predict_ResNet20_AgreesWithTorch() => Check("resnet20", ResNet20, ImageData.Read(Cifar).Take(200));

    [Fact]
    public void Predict_MnistCnn_AgreesWithTorch() => Check("mnist-cnn", MnistNet, ImageData.Read(Mnist).Take(500));

    [Fact]
    public void Predict_ImagesOfOtherSize_SaysWhich()
    {
        var model = PretrainedVisionModel.Open(ResNet20, "resnet20");
        var error = Assert.Throws<ModelException>(() => ImageClassification.Predict(model, ImageData.Read(Mnist).Take(1)));
        Assert.Contains("1 x 28 x 28", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_UnknownArchitecture_ListsTheKnown()
    {
        var error = Assert.Throws<ModelException>(() => PretrainedVisionModel.Open(ResNet20, "resnet21"));
        Assert.Contains("resnet20, resnet32", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resnet56")]
    [InlineData("lenet")]
    public void Open_OtherArchitecture_SaysWhatDoesNotFit(string architecture)
    {
        var error = Assert.Throws<ModelException>(() => PretrainedVisionModel.Open(ResNet20, architecture));
        Assert.Contains(ResNet20, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NoCheckpoint_SaysSo() =>
        Assert.Throws<CheckpointException>(() => PretrainedVisionModel.Open(ResNet20 + "x", "resnet20"));

    [Fact]
    public void Save_OverAPrunedFile_RemovesItsPlan()
    {
        using var folder = new TempFolder();
        File.Copy(ResNet20, folder["m.th"]);
        File.WriteAllText(PretrainedVisionModel.PlanPath(folder["m.th"]), "another model's");
        PretrainedVisionModel.Open(ResNet20, "resnet20").Save(folder["m.th"], new() { Overwrite = true });
        Assert.Equal(["m.th"], folder.Names());
        Assert.Null(PretrainedVisionModel.Open(folder["m.th"], "resnet20").Plan);
    }

    private static void Check(string architecture, string path, ImageData data)
    {
        var golden = JsonDocument.Parse(File.ReadAllBytes(TestData.InRepository("tests", "Golden", "vision", "models.json")))
            .RootElement.GetProperty(architecture);
        var model = PretrainedVisionModel.Open(path, architecture);
        var predicted = ImageClassification.Predict(model, data);
        var expected = golden.GetProperty("classes").Deserialize<int[]>()![..data.Count];
        Assert.Equal(expected, predicted.Classes);
        var logits = golden.GetProperty("logits").Deserialize<float[][]>()!;
        for (var row = 0; row < logits.Length; row++)
            for (var c = 0; c < logits[row].Length; c++)
                Assert.Equal(logits[row][c], predicted.Logits[row][c], 2e-4);
        var right = expected.Zip(data.Labels).Count(pair => pair.First == pair.Second);
        Assert.Equal(right / (double)data.Count, ImageClassification.Measure(model.Classifier, data, predicted.Classes).Accuracy, 12);
    }
}
