using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Onnx;
using Coppice.Pruning.Callbacks;
using Coppice.Recipes;
using Coppice.Tensors.Kernels;

namespace Coppice.Tests.Recipes;

public sealed class RecipeRunTests : IDisposable
{
    /// <summary>All that has state at once: momentum, a mask that grows, a teacher, augmentation, running means, the best model.</summary>
    private const string Everything = """
        {"type": "train", "epochs": 2, "batchSize": 8, "saveEvery": 3, "evaluateEvery": 2, "accumulate": 2, "clipNorm": 5, "labelSmoothing": 0.1,
         "optimizer": {"learningRate": 0.01, "momentum": 0.9, "nesterov": true, "weightDecay": 0.0001, "groups": [{"glob": "*norm*", "weightDecay": 0}]},
         "schedule": {"type": "cosine", "warmup": 0.2}, "ema": 0.5, "keepBest": true,
         "prune": {"amount": 0.6, "criterion": "taylor", "calibrationBatches": 1, "begin": 1, "end": 5, "frequency": 2, "unit": "steps"},
         "distill": {"alpha": 0.5, "temperature": 2}},
        {"type": "prune", "amount": 0.2, "granularity": "channel", "include": ["conv2.weight"], "batchSize": 8},
        {"type": "train", "steps": 3, "batchSize": 8, "evaluateEvery": 1, "clipNorm": 1,
         "optimizer": {"type": "adamW", "learningRate": 0.001}, "schedule": {"type": "step", "period": 0.1}}
        """;

    private static readonly string Small = TestRecipe.Mnist("\"takeFirst\": 64, \"holdOut\": 20, \"augmentation\": {\"padding\": 2, \"flip\": true}");

    /// <summary>What a run of it from start to end gives.</summary>
    private static readonly Lazy<RunLock> Whole = new(() =>
    {
        using var recipe = new TestRecipe();
        return recipe.Run(Small, Everything);
    });

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Theory]
    [InlineData(0, 2)]
    [InlineData(0, 8)]
    [InlineData(2, 1)]
    public void Run_StoppedAndStartedAgain_EndsWithTheSameBytes(int stage, long step)
    {
        using var cancellation = new CancellationTokenSource();
        var file = _recipe.Read(Small, Everything);
        Assert.Throws<OperationCanceledException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
        {
            if (progress.Stage == stage && progress.Training?.Step == step)
                cancellation.Cancel();
        }, cancellation.Token));
        var run = RecipeRun.Prepare(file, _recipe["out"]);
        Assert.True(run.Resumes);
        AssertSame(Whole.Value, run.Run(cancellation: TestContext.Current.CancellationToken));
        AssertMetricsInOrder();
    }

    [Fact]
    public void Run_KilledBetweenSavedStates_EndsWithTheSameBytes()
    {
        var file = _recipe.Read(Small, Everything);
        Assert.Throws<InvalidOperationException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
        {
            if (progress.Training?.Step == 4)
                throw new InvalidOperationException("killed");
        }, TestContext.Current.CancellationToken));
        AssertSame(Whole.Value, RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
        AssertMetricsInOrder();
    }

    [Fact]
    public void Run_WhileAnotherWritesThere_IsRefusedAndTheOtherGoesOn()
    {
        var file = _recipe.Read(Small, """{"type": "prune", "amount": 0.5}""");
        var second = RecipeRun.Prepare(file, _recipe["out"]);
        RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
            Assert.Contains("Another run is writing", Assert.Throws<RecipeException>(() => second.Run()).Message, StringComparison.Ordinal),
            TestContext.Current.CancellationToken);
        Assert.Contains("finished run", Assert.Throws<RecipeException>(() => second.Run()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_KilledBeforeItKeptAnything_BeginsAnew()
    {
        _recipe.Write(Path.Combine("out", "in-use"), "");
        _recipe.Run(Small, """{"type": "prune", "amount": 0.5}""");
        Assert.Equal(["lock.json", "model.pt"], Directory.GetFileSystemEntries(_recipe["out"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Run_OneOrThreeThreads_GivesTheSameBytes()
    {
        var before = Workers.ThreadCount;
        try
        {
            foreach (var threads in new[] { 1, 3 })
            {
                Workers.ThreadCount = threads;
                AssertSame(Whole.Value, _recipe.Run(Small, Everything, $"{threads}"));
            }
        }
        finally
        {
            Workers.ThreadCount = before;
        }
    }

    [Fact]
    public void Run_OtherSeed_GivesOtherBytes()
    {
        const string stage = """{"type": "train", "steps": 1, "batchSize": 8, "optimizer": {"learningRate": 0.01}}""";
        var one = _recipe.Run("\"seed\": 1, " + TestRecipe.LeNet(), stage, "one");
        Assert.NotEqual(one.Outputs, _recipe.Run("\"seed\": 2, " + TestRecipe.LeNet(), stage, "two").Outputs);
    }

    [Fact]
    public void Run_Done_LeavesModelMetricsAndLock()
    {
        var result = _recipe.Run(Small, """
            {"type": "prune", "amount": 0.5, "include": ["*.weight"], "exclude": ["norm*"]}, {"type": "evaluate", "data": "train"}
            """);
        Assert.Equal(["lock.json", "model.pt"], Directory.GetFileSystemEntries(_recipe["out"]).Select(Path.GetFileName).Order());
        Assert.Equal(result.ToJson() + "\n", File.ReadAllText(Path.Combine(_recipe["out"], "lock.json")));
        Assert.Equal(["start", "prune", "evaluate"], result.Reports.Select(report => report.Type));
        Assert.Equal([20, 20, 64], result.Reports.Select(report => report.Quality!.Targets));
        Assert.Equal(0.5, result.Reports[1].SparsityInScope, 1e-6);
        Assert.NotNull(result.Reports[1].Quality!.F1);
        using var source = Checkpoint.Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt"));
        using var written = Checkpoint.Open(Path.Combine(_recipe["out"], "model.pt"));
        Assert.Equal(source.Tensors.Select(tensor => tensor.ToString()), written.Tensors.Select(tensor => tensor.ToString()));
    }

    [Fact]
    public void Run_GradualPruning_EndsAtTheAmount()
    {
        var result = _recipe.Run(Small, """
            {"type": "train", "steps": 4, "batchSize": 8, "optimizer": {"learningRate": 0.01}, "prune": {"amount": 0.75, "begin": 0, "end": 2, "unit": "steps"}}
            """);
        Assert.Equal(0.75, result.Reports[1].SparsityInScope, 1e-4);
        Assert.Equal(0.75, (double)_recipe.Metrics()[^1]["sparsity"]!, 1e-4);
    }

    [Fact]
    public void Run_Slimming_CutsChannelsAndWritesThePlan()
    {
        var result = _recipe.Run(Small, """
            {"type": "train", "steps": 2, "batchSize": 8, "optimizer": {"learningRate": 0.01}, "slimming": {"lambda": 0.01}},
            {"type": "prune", "criterion": "slimming", "granularity": "channel", "amount": 0.5, "batchSize": 8}
            """);
        Assert.Contains("channels.json", result.Outputs.Keys);
        var plan = ChannelPlan.Parse(File.ReadAllText(Path.Combine(_recipe["out"], "channels.json")));
        Assert.Equal((24, 12), (plan.Norms.Sum(norm => norm.Channels), plan.Norms.Sum(norm => norm.Kept.Count)));
    }

    [Fact]
    public void Run_Regularize_DrawsGroupsTowardsZero()
    {
        double Norm(string regularize, string output)
        {
            _recipe.Run(TestRecipe.LeNet(), $$"""{"type": "train", "steps": 6, "batchSize": 8, "optimizer": {"learningRate": 0.1}{{regularize}}}""", output);
            using var model = Checkpoint.Open(Path.Combine(_recipe[output], "model.safetensors"));
            return Values(model["conv2.weight"]).Sum(value => (double)value * value);
        }

        Assert.True(Norm(""", "regularize": {"lambda": 0.1}""", "drawn") < 0.9 * Norm("", "free"));
    }

    [Fact]
    public void Run_Rewind_PutsTheFirstWeightsUnderTheMask()
    {
        const string train = """{"type": "train", "steps": 2, "batchSize": 8, "optimizer": {"learningRate": 0.1}}""";
        _recipe.Run(TestRecipe.LeNet(), $$"""{{train}}, {"type": "prune", "amount": 0.5}, {"type": "rewind"}""", "ticket");
        _recipe.Run(TestRecipe.LeNet(), """{"type": "evaluate"}""", "start");
        using var ticket = Checkpoint.Open(Path.Combine(_recipe["ticket"], "model.safetensors"));
        using var start = Checkpoint.Open(Path.Combine(_recipe["start"], "model.safetensors"));
        var (zeros, count) = (0, 0);
        foreach (var name in new[] { "conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight", "fc1.bias" })
        {
            foreach (var (now, before) in Values(ticket[name]).Zip(Values(start[name])))
            {
                Assert.True(now == 0 || now == before);
                zeros += now == 0 ? 1 : 0;
                count++;
            }
        }
        Assert.InRange((double)zeros / count, 0.45, 0.55);
    }

    [Fact]
    public void Run_OnnxModel_IsTrainedUnderItsMaskAndWrittenAsOne()
    {
        var result = _recipe.Run(TestRecipe.Onnx, """
            {"type": "train", "steps": 4, "batchSize": 8, "optimizer": {"learningRate": 0.001}, "prune": {"amount": 0.9, "begin": 0, "end": 2, "unit": "steps"}}
            """);
        Assert.Equal(0.9, result.Reports[1].SparsityInScope, 1e-4);
        using var before = OnnxWeights.Open(TestData.InRepository("samples", "models", "onnx", "mnist_cntk.onnx"));
        using var after = OnnxWeights.Open(Path.Combine(_recipe["out"], "model.onnx"));
        Assert.Equal(before.Tensors.Select(tensor => tensor.ToString()), after.Tensors.Select(tensor => tensor.ToString()));
        Assert.Equal(3060, TensorStatistics.Of(after["Parameter5"]).Zeros + TensorStatistics.Of(after["Parameter87"]).Zeros);
        Assert.NotEqual(before["Parameter193"].ToSingle().ToArray<float>(), after["Parameter193"].ToSingle().ToArray<float>());
    }

    [Theory]
    [InlineData("\"architecture\": \"lenet\"", "model.architecture")]
    [InlineData("\"std\": [0]", "model.std")]
    public void Prepare_OnnxModelWithKeysThatDontFit_NamesThem(string key, string says) => Assert.Contains(says,
        _recipe.Error(TestRecipe.Onnx.Replace("\"std\": [0.003921569]", key, StringComparison.Ordinal), """{"type": "evaluate"}"""), StringComparison.Ordinal);

    [Fact]
    public void Run_TextClassifier_IsWrittenAsItsFolder()
    {
        var result = _recipe.Run(TestRecipe.Bert, """
            {"type": "train", "steps": 1, "batchSize": 8, "optimizer": {"type": "adam", "learningRate": 0.0001},
             "distill": {"alpha": 0.5, "hidden": [{"student": "bert.encoder.layer.3"}]}},
            {"type": "prune", "criterion": "fisher", "amount": 0.5, "scope": "per-tensor", "calibrationBatches": 1, "batchSize": 4}
            """);
        Assert.Equal(0.5, result.Reports[2].SparsityInScope, 1e-3);
        Assert.Equal("bert", PretrainedModel.Open(Path.Combine(_recipe["out"], "model")).ModelType);
    }

    [Fact]
    public void Run_LanguageModel_ReportsPerplexity()
    {
        var result = _recipe.Run(TestRecipe.Gpt2, """
            {"type": "train", "steps": 3, "batchSize": 2, "optimizer": {"type": "adamW", "learningRate": 0.0001},
             "prune": {"criterion": "movement", "begin": 1, "end": 2, "unit": "steps", "amount": 0.5}}
            """);
        Assert.All(result.Reports, report => Assert.Equal(Math.Exp(report.Quality!.Loss), report.Quality.Perplexity!.Value, 1e-6));
        Assert.Equal(0.5, result.Reports[1].SparsityInScope, 1e-3);
        Assert.Equal("gpt2", PretrainedModel.Open(Path.Combine(_recipe["out"], "model")).ModelType);
    }

    [Fact]
    public void Prepare_OutputOfAnotherRecipe_IsRefused()
    {
        Stop(Everything);
        var file = _recipe.Read(Small, Everything.Replace("0.6", "0.7", StringComparison.Ordinal));
        var error = Assert.Throws<RecipeException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("another recipe", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepare_FinishedOrForeignOutput_IsRefused()
    {
        _recipe.Run(TestRecipe.LeNet(), """{"type": "evaluate"}""");
        Assert.Contains("finished run", _recipe.Error(TestRecipe.LeNet(), """{"type": "evaluate"}"""), StringComparison.Ordinal);
        File.Delete(Path.Combine(_recipe["out"], "lock.json"));
        Assert.Contains("no run of a recipe", _recipe.Error(TestRecipe.LeNet(), """{"type": "evaluate"}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_OutputThatCantBeWritten_KeepsTheState()
    {
        var file = Stop(Everything);
        var state = Path.Combine(_recipe["out"], "state", "stage-0.safetensors");
        // A folder in the way of the metrics: the first report fails, as on a full disk.
        var metrics = Path.Combine(_recipe["out"], "metrics.jsonl");
        File.Move(metrics, metrics + ".moved");
        Directory.CreateDirectory(metrics);
        Assert.ThrowsAny<Exception>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
        using (var kept = Checkpoint.Open(state))
            Assert.NotEmpty(kept.Tensors);
        Directory.Delete(metrics);
        AssertSame(Whole.Value, RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}, "slimming": {"lambda": 1}}""",
        "stages[0]: Network slimming goes by the scales")]
    [InlineData("""{"type": "prune", "amount": 0.5, "include": ["conv9*"]}""", "stages[0]: 'conv9*' matches none")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1, "groups": [{"glob": "convs*"}]}}""",
        "stages[0]: No parameter of LeNet is left")]
    [InlineData("""{"type": "train", "steps": 3, "optimizer": {"learningRate": 1}, "prune": {"amount": 0.5, "end": 3, "unit": "steps"}}""",
        "stages[0]: Pruning is scheduled to end at step 3")]
    [InlineData("""{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}, "distill": {"teacher": "none.pt"}}""",
        "there is no file or folder")]
    public void Prepare_StageThatCantBe_NamesIt(string stage, string says)
    {
        Assert.Contains(says, _recipe.Error(TestRecipe.LeNet(), stage), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_recipe["out"]));
    }

    [Fact]
    public void Prepare_MissingData_NamesTheVariable()
    {
        const string train = """{"type": "train", "steps": 1, "optimizer": {"learningRate": 1}}""";
        var path = _recipe.Write("\"model\": {\"architecture\": \"lenet\", \"classes\": 10}, \"data\": {\"train\": \"${COPPICE_DATA}/none.bin\"}", train);
        var file = RecipeFile.Read(path, new Dictionary<string, string> { [RecipeFile.DataVariable] = _recipe["data"] });
        var error = Assert.Throws<RecipeException>(() => RecipeRun.Prepare(file, _recipe["out"])).Message;
        Assert.Contains("data.train", error, StringComparison.Ordinal);
        Assert.Contains("Set the environment variable COPPICE_DATA", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepare_TooManyClasses_IsRefused() => Assert.Contains("10 classes; the model tells 3 apart",
        _recipe.Error(TestRecipe.LeNet().Replace("\"classes\": 10", "\"classes\": 3", StringComparison.Ordinal), """{"type": "evaluate"}"""),
        StringComparison.Ordinal);

    [Fact]
    public void Prepare_TooManyClassesForAFile_IsRefused()
    {
        _recipe.Run("\"model\": {\"architecture\": \"lenet\", \"classes\": 3}, \"data\": {}", """{"type": "prune", "amount": 0.5}""", "three");
        var members = TestRecipe.LeNet().Replace("\"classes\": 10", $"\"path\": \"{_recipe["three"]}/model.safetensors\"", StringComparison.Ordinal);
        Assert.Contains("10 classes; the model tells 3 apart", _recipe.Error(members, """{"type": "evaluate"}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_Recipe_TellsStepsAndWeightsAndWritesNothing()
    {
        var plan = RecipeRun.Prepare(_recipe.Read(Small, Everything), _recipe["out"]).Plan(TestContext.Current.CancellationToken);
        Assert.Equal((8, 2), (plan.Stages[0].Steps, plan.Stages[0].Epochs));
        Assert.Contains("from step 1 to 5", plan.Stages[0].Description, StringComparison.Ordinal);
        Assert.Contains("3 of 16 channels", plan.Stages[1].Description, StringComparison.Ordinal);
        Assert.True(plan.Seconds > 0);
        Assert.False(Directory.Exists(_recipe["out"]));
    }

    [Fact]
    public void Verify_SameRun_FindsNoDifference()
    {
        _recipe.Run(Small, Everything);
        var verification = RunVerification.Of(Path.Combine(_recipe["out"], "lock.json"), cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(verification.Differences);
        Assert.Equal(1, verification.Outputs);
    }

    [Fact]
    public void Verify_OtherOutputOrRecipe_NamesIt()
    {
        const string stage = """{"type": "train", "steps": 1, "batchSize": 8, "optimizer": {"learningRate": 0.01}}""";
        var result = _recipe.Run(TestRecipe.LeNet(), stage);
        var path = Path.Combine(_recipe["out"], "lock.json");
        File.WriteAllText(path, (result with { Outputs = new Dictionary<string, string> { ["model.safetensors"] = "0" } }).ToJson());
        Assert.Equal(["The output model.safetensors is another."], RunVerification.Of(path, cancellation: TestContext.Current.CancellationToken).Differences);
        _recipe.Write(TestRecipe.LeNet(), stage + " ");
        Assert.Contains("has changed", Assert.Single(RunVerification.Of(path, cancellation: TestContext.Current.CancellationToken).Differences),
            StringComparison.Ordinal);
    }

    /// <summary>A run that was stopped in its first stage.</summary>
    private RecipeFile Stop(string stages)
    {
        var file = _recipe.Read(Small, stages);
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
        {
            if (progress.Training?.Step == 2)
                cancellation.Cancel();
        }, cancellation.Token));
        return file;
    }

    private static void AssertSame(RunLock one, RunLock other)
    {
        Assert.Equal(one.Outputs, other.Outputs);
        Assert.Equal(one.Reports, other.Reports);
    }

    private void AssertMetricsInOrder()
    {
        var places = _recipe.Metrics().Select(line => ((int)line["stage"]!, (long)line["step"]!)).ToList();
        Assert.Equal(places.Distinct().Order(), places);
        Assert.Equal((2, 3), places[^1]);
    }

    private static float[] Values(TensorSource source)
    {
        var bytes = new byte[source.ByteLength];
        source.Read(0, bytes);
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }
}
