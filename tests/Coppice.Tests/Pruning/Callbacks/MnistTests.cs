using Coppice.Data;
using Coppice.Models.Vision;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Training;

namespace Coppice.Tests.Pruning.Callbacks;

/// <summary>The methods on the sample network and a few hundred of its test images.</summary>
public sealed class MnistTests
{
    private const long Steps = 16;

    [Theory]
    [InlineData("magnitude", 0.8)]
    [InlineData("output-gradient", 0.15)]
    public void Run_TrainedNetwork_StaysAccurate(string method, double target)
    {
        var model = PretrainedVisionModel.Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt"), "mnist-cnn").Classifier;
        var images = ImageData.Read(TestData.InRepository("samples", "data", "mnist", "t10k-images-idx3-ubyte.gz")).Take(600);
        var architecture = VisionModels.Find("mnist-cnn")!;
        var (training, heldOut) = new ImageTrainingData(images, architecture.Mean, architecture.Std).HoldOut(200);
        var data = new DataLoader(training, new() { BatchSize = 25, Seed = 1 });
        var weights = LiveWeight.Select(model, include: method == "output-gradient" ? ["conv*.weight"] : ["conv*.weight", "fc*.weight"]);
        Criterion criterion = method == "magnitude" ? new Magnitude() : new OutputGradient();
        var sparsity = 0.0;
        var measured = new Trainer(TrainingTask.Of(model), new Sgd(model, 0.01) { Momentum = 0.9 }, data,
            new() { Steps = Steps, Validation = new DataLoader(heldOut, new() { BatchSize = 50 }), EvaluateEvery = Steps },
            new GradualPruning(criterion, SparsitySchedule.Cubic(0, target, 2, 10, 2), weights) { Calibration = data, CalibrationBatches = 2 })
            .Run(report => sparsity = report.Values["sparsity"])!;
        Assert.Equal(target, sparsity, method == "output-gradient" ? 0.5 / 48 : 1e-5); // 48 channels
        Assert.True(measured.Accuracy > 0.9, $"accuracy {measured.Accuracy}");
    }
}
