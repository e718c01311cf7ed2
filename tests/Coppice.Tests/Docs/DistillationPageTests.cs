using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Masks;
using Coppice.Training;
using Coppice.Training.Distillation;

namespace Coppice.Tests.Docs;

/// <summary>docs/distillation.md: its sample stands here word for word and runs.</summary>
public sealed partial class DistillationPageTests
{
    /// <summary>Images that agreement is measured on; training takes those behind.</summary>
    private const int Held = 128;

    [Fact]
    public void Sample_OfThePage_IsTheOneTestedHere()
    {
        var sample = Block().Match(File.ReadAllText(TestData.InRepository("docs", "distillation.md"))).Groups[1].Value;
        Assert.NotEmpty(sample);
        Assert.Contains(Unindented(sample), Unindented(File.ReadAllText(ThisFile())), StringComparison.Ordinal);
    }

    [Fact]
    public void Sample_OnAPrunedMnistNetwork_BringsItNearerToItsTeacher()
    {
        var checkpoint = TestData.InRepository("samples", "models", "mnist", "cnn.pt");
        var student = PretrainedVisionModel.Open(checkpoint, "mnist-cnn").Classifier;
        foreach (var (_, module) in student.NamedModules().Where(named => named.Module is Conv2d or Linear))
            Prune.L1Unstructured(module, "weight", 0.5);
        var images = new ImageTrainingData(
            ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz")), [0.1307f], [0.3081f]);
        var data = new DataLoader(images.Slice(Held, 8 * 16), new() { BatchSize = 16 });
        var before = Agreement(student, checkpoint, images);

        var teacher = PretrainedVisionModel.Open(checkpoint, "mnist-cnn").Classifier;
        var distillation = new KnowledgeDistillation(TrainingTask.Of(teacher), new()
        {
            Temperature = 4,
            Alpha = 0.7f,
            Transfers = [new AttentionMapTransfer("norm1", "norm1", 100)],
        });
        var optimizer = new Sgd(student, 0.01) { Momentum = 0.9 };
        new Trainer(TrainingTask.Of(student), optimizer, data, new() { Steps = 8 }, distillation).Run();

        var after = Agreement(student, checkpoint, images);
        Assert.True(before.Top1Agreement < 0.8 && after.Top1Agreement > 0.9, $"{before.Top1Agreement} -> {after.Top1Agreement}");
        Assert.True(after.MeanKl < 0.2 * before.MeanKl, $"{before.MeanKl} -> {after.MeanKl}");
        Assert.All(student.NamedParameters().Where(entry => entry.Parameter.Mask is not null),
            entry => Assert.Equal(0.5, entry.Parameter.Value.ToArray<float>().Average(value => value == 0 ? 1.0 : 0), 2));
    }

    private static OutputAgreement Agreement(ImageClassifier student, string checkpoint, ImageTrainingData data)
    {
        var images = data.Load([.. Enumerable.Range(0, Held)]).Images;
        var agreement = new OutputAgreement();
        agreement.AddRows(PretrainedVisionModel.Open(checkpoint, "mnist-cnn").Classifier.Forward(images), student.Forward(images));
        return agreement;
    }

    private static string ThisFile([CallerFilePath] string path = "") =>
        TestData.InRepository("tests", "Coppice.Tests", "Docs", Path.GetFileName(path));

    private static string Unindented(string code) => string.Join('\n', code.Trim().Split('\n').Select(line => line.Trim()));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
