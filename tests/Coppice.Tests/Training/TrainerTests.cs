using Coppice.Data;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;
using Coppice.Training.Callbacks;

namespace Coppice.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Run_SeparableData_LearnsIt()
    {
        var model = NewModel();
        var reports = new List<TrainingReport>();
        var measured = NewTrainer(model, 60).Run(reports.Add)!;
        Assert.True(measured.Accuracy > 0.95, $"accuracy {measured.Accuracy}");
        Assert.True(reports[^1].Loss < reports[0].Loss);
        Assert.Equal(60, reports[^1].Step);
        Assert.False(model.IsTraining);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(12)]
    public void Run_StoppedAndResumed_EndsWithTheSameBytes(int stopAt)
    {
        var whole = NewModel();
        NewTrainer(whole, 20).Run();

        var stopped = NewModel();
        using var cancellation = new CancellationTokenSource();
        var killed = NewTrainer(stopped, 20, "state.safetensors", new At(stopAt, cancellation.Cancel));
        Assert.Throws<OperationCanceledException>(() => killed.Run(cancellation: cancellation.Token));

        var resumed = NewModel(seed: 99); // whose weights do not matter any more
        NewTrainer(resumed, 20, "state.safetensors", new At(stopAt, () => { })).Run();
        Assert.Equal(Bytes(whole), Bytes(resumed));
    }

    [Fact]
    public void Run_StateOfAnotherModel_IsRefused()
    {
        NewTrainer(NewModel(), 2, "state.safetensors").Run();
        var other = new TrainingTask(new Linear(3, 2), _ => throw new InvalidOperationException());
        var trainer = new Trainer(other, new Sgd(other.Module, 0.1), Data(), new() { Steps = 2, StateFile = InFolder("state.safetensors") });
        Assert.Contains("another run", Assert.Throws<TrainingException>(() => trainer.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_DivergingLoss_NamesStepAndKeepsTheState()
    {
        var model = NewModel();
        var trainer = NewTrainer(model, 20, "state.safetensors", new At(12, () => model.NamedParameters().First().Parameter.Data.AsSpan<float>().Fill(float.NaN)));
        var error = Assert.Throws<TrainingException>(() => trainer.Run());
        Assert.Contains("Step 12", error.Message, StringComparison.Ordinal);
        Assert.Contains("Conv2d", error.Message, StringComparison.Ordinal);
        Assert.Contains("state.safetensors", error.Message, StringComparison.Ordinal);
        NewTrainer(NewModel(), 20, "state.safetensors").Run(); // the state of step 10 can still be used
    }

    [Fact]
    public void Run_Accumulation_IsOneStepOfTheLargerBatch()
    {
        var (whole, parts) = (Initialised(new LeNet(2), 1), Initialised(new LeNet(2), 1)); // without batch statistics
        Train(whole, 32, 1);
        Train(parts, 16, 2);
        foreach (var (one, other) in whole.NamedParameters().Zip(parts.NamedParameters()))
            Assert.True(Difference(one.Parameter.Data, other.Parameter.Data) < 1e-5, one.Name);

        static void Train(Module model, int batch, int accumulate) => new Trainer(TrainingTask.Of(model), new Sgd(model, 0.1), Data(batch),
            new() { Steps = 2, Accumulate = accumulate }).Run();
    }

    [Fact]
    public void KeepBest_LaterStepsWorse_PutsTheBestBack()
    {
        var model = NewModel();
        var (best, losses) = (new KeepBest(), new List<double>());
        var trainer = NewTrainer(model, 30, null, best, new At(20, () => model.NamedParameters().First().Parameter.Data.AsSpan<float>().Clear()));
        trainer.Run(report => losses.AddRange(report.Validation is { } measured ? [measured.Loss] : []));
        Assert.Equal(losses.Min(), best.LowestLoss);
        Assert.Equal(losses.Min(), Measurement.Of(TrainingTask.Of(model), Data()).Loss, 1e-12);
        Assert.NotEqual(losses.Min(), losses[^1]);
    }

    [Fact]
    public void EarlyStopping_NoProgress_Stops()
    {
        var model = NewModel();
        var trainer = new Trainer(TrainingTask.Of(model), new Sgd(model, 0), Data(), new() { Steps = 100, Validation = Data(), EvaluateEvery = 2 },
            new EarlyStopping(3));
        trainer.Run();
        Assert.Equal(8, trainer.Step); // the first measurement is the best; three more are not
    }

    [Fact]
    public void ExponentialMovingAverage_OfTwoSteps_IsTheirMean()
    {
        var model = NewModel();
        var seen = new List<float[]>();
        new Trainer(TrainingTask.Of(model), new Sgd(model, 0.1), Data(), new() { Steps = 2 }, new ExponentialMovingAverage(0.25),
            new After(() => seen.Add(model.NamedParameters().First().Parameter.Data.ToArray<float>()))).Run();
        var mean = model.NamedParameters().First().Parameter.Data.ToArray<float>();
        for (var i = 0; i < mean.Length; i++)
            Assert.Equal(0.25 * seen[0][i] + 0.75 * seen[1][i], mean[i], 1e-6);
    }

    private Trainer NewTrainer(Module model, long steps, string? stateFile = null, params TrainingCallback[] callbacks) =>
        new(TrainingTask.Of(model), new Sgd(model, 0.05, 1e-4) { Momentum = 0.9 }, Data(), new()
        {
            Steps = steps,
            Schedule = step => LearningRateSchedule.CosineAnnealing(step, steps),
            ClipNorm = 5,
            Validation = Data(),
            EvaluateEvery = 5,
            ReportEvery = 5,
            StateFile = stateFile is null ? null : InFolder(stateFile),
            SaveEvery = 5,
        }, callbacks);

    private string InFolder(string name) => Path.Combine(_folder, name);

    private static ImageClassifier NewModel(int seed = 1) => Initialised(new MnistCnn(2), seed);

    private static ImageClassifier Initialised(ImageClassifier model, int seed)
    {
        var random = new RandomSource(seed);
        foreach (var (_, parameter) in model.NamedParameters())
            if (parameter.Shape.Rank > 1)
                foreach (ref var value in parameter.Data.AsSpan<float>())
                    value = (random.NextSingle() - 0.5f) * 0.2f;
        return model;
    }

    /// <summary>Bright and dark images.</summary>
    private static DataLoader Data(int batch = 16)
    {
        var random = new RandomSource(5);
        var pixels = new byte[64 * 28 * 28];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(random.NextUInt32() % 100 + (i / (28 * 28) % 2) * 100);
        var images = new ImageData(pixels, [.. Enumerable.Range(0, 64).Select(i => i % 2)], ["dark", "bright"], 1, 28, 28);
        return new(new ImageTrainingData(images, [0.4f], [0.3f], new ImageAugmentation(Padding: 1)), new() { BatchSize = batch, Seed = 3 });
    }

    private static byte[] Bytes(Module model) => [.. model.StateDict().SelectMany(entry => entry.Value.Bytes(0, (int)(entry.Value.Count * (entry.Value.DType == DType.I64 ? 8 : 4))).ToArray())];

    private static double Difference(Tensor one, Tensor other) =>
        one.ToArray<float>().Zip(other.ToArray<float>(), (a, b) => Math.Abs((double)a - b)).Max();

    private sealed class At(int step, Action act) : TrainingCallback
    {
        public override void StepStarting(Trainer trainer)
        {
            if (trainer.Step == step)
                act();
        }
    }

    private sealed class After(Action act) : TrainingCallback
    {
        public override void StepDone(Trainer trainer) => act();
    }
}
