using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Coppice.Data;
using Coppice.Models.Vision;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Callbacks;
using Coppice.Training;

namespace Coppice.Tests.Docs;

/// <summary>docs/methods.md: its samples stand here word for word and run.</summary>
public sealed partial class MethodsPageTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Page_Samples_AreTheOnesTestedHere()
    {
        var page = File.ReadAllText(TestData.InRepository("docs", "methods.md"));
        var source = Unindented(File.ReadAllText(ThisFile()));
        string[] blocks = [.. Block().Matches(page).Select(match => match.Groups[1].Value)];
        Assert.Equal(7, blocks.Length);
        Assert.All(blocks, sample => Assert.Contains(Unindented(sample), source, StringComparison.Ordinal));
    }

    [Fact]
    public void Samples_OnASmallResNet_PruneIt()
    {
        var (model, data) = Model();
        var weights = LiveWeight.Select(model, include: ["*conv*.weight", "*linear.weight"]);
        var schedule = SparsitySchedule.Cubic(from: 0, to: 0.8, begin: 2, end: 8, frequency: 2);
        var pruning = new GradualPruning(new Magnitude(), schedule, weights);
        var trainer = new Trainer(TrainingTask.Of(model), new Sgd(model, 0.01) { Momentum = 0.9 }, data, new() { Steps = 10 }, pruning);
        trainer.Run(report => Console.WriteLine($"{report.Step}: loss {report.Loss:F3}, sparsity {report.Values["sparsity"]:P1}"));
        Assert.Equal(0.8, EntryPruning.Sparsity(weights), 1e-4);

        var snip = new Snip();
        var gathered = new Calibration(TrainingTask.Of(model), data, batches: 1).Gather(weights, snip.Needs);
        EntryPruning.To(0.9, weights, snip.ScoreAll(gathered));
        Assert.Equal(0.9, EntryPruning.Sparsity(weights), 1e-4);
    }

    [Fact]
    public void Samples_OfOtherCriteria_PruneASmallResNet()
    {
        var (model, data) = Model();
        var convolutions = LiveWeight.Select(model, include: ["*conv*.weight"]);
        var sensitive = new GradualPruning(new OutputGradient(), SparsitySchedule.OneShot(0.25, step: 2), convolutions)
        {
            Calibration = data,
            CalibrationBatches = 4,
        };
        Run(sensitive);
        Assert.Equal(60, convolutions.Sum(weight => SmallNet.Zeros(weight.Parameter) / (weight.Count / weight.Outputs)));

        var weights = LiveWeight.Select(model);
        var movement = new GradualPruning(new Movement(), SparsitySchedule.Cubic(0, 0.5, begin: 2, end: 8, frequency: 2), weights);
        Run(movement);
        Run(new GradualPruning(new MagnitudeAndGradient(), SparsitySchedule.OneShot(0.6), weights) { Calibration = data });
        Assert.Equal(0.6, EntryPruning.Sparsity(weights), 1e-4);

        void Run(GradualPruning pruning) => new Trainer(TrainingTask.Of(model), new Sgd(model, 0.01), data, new() { Steps = 9 }, pruning).Run();
    }

    [Fact]
    public void Samples_OfSlimmingAndTickets_PruneASmallResNet()
    {
        var (model, data) = Model();
        var planFile = _folder["plan.json"];
        var slimming = new NetworkSlimming(penalty: 1e-4, share: 0.4, pruneAt: 5, data);
        new Trainer(TrainingTask.Of(model), new Sgd(model, 0.01), data, new() { Steps = 10 }, slimming).Run();
        File.WriteAllText(planFile, slimming.Plan.ToJson());
        Assert.Equal(144, ChannelPlan.Parse(File.ReadAllText(planFile)).Norms.Sum(norm => norm.Kept.Count));

        var weights = LiveWeight.Select(model);
        var ticket = new LotteryTicket(rewindTo: 1);
        var schedule = SparsitySchedule.Iterative(0.8, rounds: 3, begin: 4, recovery: 2);
        var rounds = new GradualPruning(new Magnitude(), schedule, weights) { Pruned = ticket.Rewind };
        new Trainer(TrainingTask.Of(model), new Sgd(model, 0.01), data, new() { Steps = 10 }, ticket, rounds).Run();
        Assert.Equal(0.8, EntryPruning.Sparsity(weights), 1e-4);
    }

    /// <summary>A ResNet of one block a stage, 240 channels, and random images of 8 x 8.</summary>
    private static (ImageClassifier Model, DataLoader Data) Model()
    {
        var model = new CifarResNet(1, 2);
        SmallNet.Fill(model, 1);
        byte[] pixels = [.. Enumerable.Range(0, 8 * 192).Select(i => (byte)(i * 37))];
        var images = new ImageData(pixels, [.. Enumerable.Range(0, 8).Select(i => i % 2)], ["a", "b"], 3, 8, 8);
        return (model, new DataLoader(new ImageTrainingData(images, [0.5f, 0.5f, 0.5f], [1, 1, 1]), new() { BatchSize = 4 }));
    }

    private static string ThisFile([CallerFilePath] string path = "") =>
        TestData.InRepository("tests", "Coppice.Tests", "Docs", Path.GetFileName(path));

    private static string Unindented(string code) => string.Join('\n', code.Trim().Split('\n').Select(line => line.Trim()));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    /// <summary>Keeps large weights, but those with large gradients still more.</summary>
    public sealed class MagnitudeAndGradient : Criterion
    {
        public override PruningUnit Unit => PruningUnit.Entry;

        public override CriterionNeeds Needs => CriterionNeeds.Gradients;

        protected override Tensor Score(WeightStatistics weight)
        {
            var (values, sums) = (weight.Weight.Parameter.Value.ToArray<float>(), weight.Gradients.ToArray<float>());
            return Tensor.From<float>(
                [.. values.Zip(sums, (w, sum) => Math.Abs(w) + Math.Abs(sum / weight.Batches))], weight.Weight.Parameter.Shape);
        }
    }
}
