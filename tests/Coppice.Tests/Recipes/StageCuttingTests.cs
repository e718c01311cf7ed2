using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Pruning.Dependency;
using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

public sealed class StageCuttingTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 3, "batchSize": 8, "saveEvery": 1, "evaluateEvery": 1, "optimizer": {"learningRate": 0.01, "momentum": 0.9}, "distill": {}}""";

    /// <summary>Cut twice, with masks in force, a teacher, a penalty and momentum in between.</summary>
    private const string Iterative = $$"""
        {"type": "prune", "amount": 0.3},
        {"type": "cut", "targetMacs": 0.8, "criterion": "l2", "scope": "global", "compensate": ["bias", "batch-norm"], "calibrationExamples": 16},
        {"type": "train", "steps": 3, "batchSize": 8, "saveEvery": 1, "evaluateEvery": 1, "optimizer": {"learningRate": 0.01, "momentum": 0.9}, "distill": {},
         "growing": {"growth": 0.01, "every": 1} },
        {"type": "cut", "targetMacs": 0.5, "criterion": "taylor", "scope": "global", "compensate": ["bias"], "calibrationExamples": 16},
        {{Train}}
        """;

    private static readonly string Mnist = TestRecipe.Mnist("\"takeFirst\": 64, \"holdOut\": 20");

    private static readonly Lazy<RunLock> Whole = new(() =>
    {
        using var recipe = new TestRecipe();
        return recipe.Run(Mnist, Iterative);
    });

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Fact]
    public void Run_TwoTargets_CountFromTheStartAndAreLogged()
    {
        var cuts = Whole.Value.Reports.Select(report => report.Cut).OfType<CutReport>().ToList();
        Assert.Equal(2, cuts.Count);
        Assert.Equal((cuts[0].MacsAfter, cuts[0].ParametersAfter), (cuts[1].MacsBefore, cuts[1].ParametersBefore));
        Assert.InRange((double)cuts[0].MacsAfter / cuts[0].MacsBefore, 0.6, 0.8);
        Assert.InRange((double)cuts[1].MacsAfter / cuts[0].MacsBefore, 0.35, 0.5);
        Assert.Contains("model.pt.plan.json", Whole.Value.Outputs.Keys);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 2)]
    public void Run_StoppedAfterACut_EndsWithTheSameBytes(int stage, long step)
    {
        using var cancellation = new CancellationTokenSource();
        var file = _recipe.Read(Mnist, Iterative);
        Assert.Throws<OperationCanceledException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
        {
            if (progress.Stage == stage && progress.Training?.Step == step)
                cancellation.Cancel();
        }, cancellation.Token));
        TestRecipe.AssertSame(Whole.Value, RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Run_KilledBetweenStages_EndsWithTheSameBytes(int stage)
    {
        var file = _recipe.Read(Mnist, Iterative);
        Assert.Throws<InvalidOperationException>(() => RecipeRun.Prepare(file, _recipe["out"]).Run(progress =>
        {
            if (progress.Stage == stage && progress.Done is not null)
                throw new InvalidOperationException("killed");
        }, TestContext.Current.CancellationToken));
        TestRecipe.AssertSame(Whole.Value, RecipeRun.Prepare(file, _recipe["out"]).Run(cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Verify_RunThatCuts_FindsNoDifference()
    {
        _recipe.Run(Mnist, Iterative);
        var verification = RunVerification.Of(Path.Combine(_recipe["out"], "lock.json"), cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(verification.Differences);
        Assert.Equal(2, verification.Outputs);
    }

    [Fact]
    public void Run_TwoAmounts_LeaveTheSecondOfTheOriginalWidths()
    {
        _recipe.Run(Mnist, $$"""{"type": "cut", "amount": 0.25}, {{Train}}, {"type": "cut", "amount": 0.5}""");
        var (before, after) = (Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt")), Open(Path.Combine(_recipe["out"], "model.pt")));
        Assert.Equal(before.Classifier.Find("conv1").Parameter("weight").Shape[0] / 2, after.Classifier.Find("conv1").Parameter("weight").Shape[0]);
        Assert.Equal(before.Classifier.Find("conv2").Parameter("weight").Shape[0] / 2, after.Classifier.Find("conv2").Parameter("weight").Shape[0]);
        var sizes = before.Classifier.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter.Shape);
        Assert.All(after.Plan!.Tensors.Where(tensor => sizes.ContainsKey(tensor.Name)), tensor => Assert.Equal(sizes[tensor.Name], tensor.Shape));
    }

    [Fact]
    public void Run_OutputOfACutCutAgain_HasOnePlan()
    {
        _recipe.Run(Mnist, """{"type": "cut", "amount": 0.25}""", "first");
        var again = Mnist.Replace($"{TestData.InRepository("samples")}/models/mnist/cnn.pt", Path.Combine(_recipe["first"], "model.pt"), StringComparison.Ordinal);
        _recipe.Run(again, """{"type": "cut", "amount": 0.5, "scope": "global"}""", "second");
        var plan = Open(Path.Combine(_recipe["second"], "model.pt")).Plan!;
        var filters = plan.Tensors.Single(tensor => tensor.Name == "conv2.weight");
        Assert.Equal(Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt")).Classifier.Find("conv2").Parameter("weight").Shape, filters.Shape);
    }

    /// <summary>A teacher of the student's width would need no projection.</summary>
    [Fact]
    public void Run_OriginalTeacher_IsTheUncutModel()
    {
        var distilled = _recipe.Run(Mnist, """
            {"type": "cut", "amount": 0.5},
            {"type": "train", "steps": 1, "batchSize": 8, "optimizer": {"learningRate": 0.01},
             "distill": {"alpha": 1, "hidden": [{"student": "conv2", "projected": true}]}}
            """);
        Assert.Equal(3, distilled.Reports.Count);
        var error = Assert.ThrowsAny<Exception>(() => _recipe.Run(Mnist, """
            {"type": "cut", "amount": 0.5},
            {"type": "train", "steps": 1, "batchSize": 8, "optimizer": {"learningRate": 0.01}, "distill": {"alpha": 1, "hidden": [{"student": "conv2"}]}}
            """, "unprojected"));
        Assert.Contains("conv2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_LeastSquares_LosesLess()
    {
        _recipe.Run(TestRecipe.LeNet(), """{"type": "train", "epochs": 3, "batchSize": 8, "optimizer": {"learningRate": 0.05, "momentum": 0.9}}""", "trained");
        var members = TestRecipe.LeNet().Replace("\"classes\": 10", $"\"path\": \"{_recipe["trained"]}/model.safetensors\"", StringComparison.Ordinal);
        double Loss(string compensate, string output) =>
            _recipe.Run(members, $$"""{"type": "cut", "amount": 0.5 {{compensate}} }""", output).Reports[1].Quality!.Loss;

        Assert.True(Loss(""", "compensate": ["least-squares"]""", "mended") < Loss("", "cut"));
    }

    [Fact]
    public void Run_MasksInForce_AreCutAlongAndStay()
    {
        var result = _recipe.Run(Mnist, $$"""
            {"type": "prune", "amount": 0.6, "scope": "per-tensor"}, {"type": "cut", "amount": 0.25, "criterion": "random",
             "compensate": ["bias"], "calibrationExamples": 16}, {{Train}}
            """);
        Assert.InRange(result.Reports[2].SparsityInScope, 0.5, 0.7);
        Assert.Equal(result.Reports[2].SparsityInScope, result.Reports[3].SparsityInScope);
    }

    [Fact]
    public void Run_RewindOverACut_PutsTheFirstWeightsIntoWhatIsLeft()
    {
        _recipe.Run(Mnist, $$"""{{Train}}, {"type": "cut", "amount": 0.5}, {"type": "rewind"}""");
        var (before, after) = (Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt")), Open(Path.Combine(_recipe["out"], "model.pt")));
        after.Plan!.Apply(before.Classifier);
        Assert.All(after.Classifier.ParametersByPlainName(), entry => Assert.Equal(
            before.Classifier.ParametersByPlainName().Single(other => other.Name == entry.Name).Parameter.Data.ToArray<float>(),
            entry.Parameter.Data.ToArray<float>()));
    }

    [Fact]
    public void Run_SlimmingCut_TakesOutWhatItMasks()
    {
        var result = _recipe.Run(Mnist, $$"""
            {"type": "train", "steps": 2, "batchSize": 8, "optimizer": {"learningRate": 0.01}, "slimming": {"lambda": 0.01} },
            {"type": "cut", "criterion": "slimming", "amount": 0.25}, {{Train}},
            {"type": "prune", "criterion": "slimming", "granularity": "channel", "amount": 0.3, "batchSize": 8},
            {"type": "cut", "criterion": "slimming"}
            """);
        // a quarter of 24, then 0.3 of the 18 that are left
        Assert.Equal(24 - 6 - 5, Open(Path.Combine(_recipe["out"], "model.pt")).Classifier.Find("norm1").Parameter("weight").Shape[0]);
        Assert.Equal(0, result.Reports[^1].Sparsity, 1e-9);
    }

    [Fact]
    public void Run_SlimmingWithoutMasks_StopsAndKeepsTheState()
    {
        var error = Assert.Throws<RecipeException>(() => _recipe.Run(Mnist, """{"type": "cut", "criterion": "slimming"}"""));
        Assert.Contains("stages[0]: there is nothing to cut: no channel is masked wherever", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_recipe["out"], "model.pt")));
        Assert.True(RecipeRun.Prepare(_recipe.Read(Mnist, """{"type": "cut", "criterion": "slimming"}"""), _recipe["out"]).Resumes);
    }

    /// <summary>What reads a channel that goes holds infinities: the original without the channel gives 0 x infinity, the smaller model does not.</summary>
    [Fact]
    public void Run_OutputsThatDiffer_StopsWithoutAModel()
    {
        var path = _recipe["broken.safetensors"];
        using (var source = Checkpoint.Open(TestData.InRepository("samples", "models", "mnist", "cnn.pt")))
        {
            var weights = source["conv2.weight"].ToSingle(); // [16, 8, 3, 3]
            for (var filter = 0; filter < 16; filter++)
                weights.AsSpan<float>().Slice((filter * 8 + 1) * 9, 9).Fill(float.PositiveInfinity);
            Checkpoint.SaveNew(path, source.Tensors.Select(tensor => tensor.Name == "conv2.weight" ? TensorSource.From(tensor.Name, weights) : tensor));
        }
        var members = Mnist.Replace($"{TestData.InRepository("samples")}/models/mnist/cnn.pt", path, StringComparison.Ordinal)
            .Replace(", \"holdOut\": 20", "", StringComparison.Ordinal);
        var error = Assert.Throws<VerificationException>(() => _recipe.Run(members,
            """{"type": "cut", "amount": 0.8, "criterion": "random", "include": ["conv1.weight"]}"""));
        Assert.Contains("stages[0]: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(["state"], Directory.GetFileSystemEntries(_recipe["out"]).Select(Path.GetFileName));
    }

    [Fact]
    public void Run_Growing_DrawsWhatIsCutNextToZero()
    {
        double Drop(string growing, string output)
        {
            var result = _recipe.Run(Mnist, $$"""
                {"type": "train", "steps": 20, "batchSize": 8, "optimizer": {"learningRate": 0.05} {{growing}} }, {"type": "cut", "amount": 0.5, "criterion": "l2"}
                """, output);
            return result.Reports[2].Quality!.Loss - result.Reports[1].Quality!.Loss;
        }

        Assert.True(Drop(""", "growing": {"growth": 0.2, "every": 1, "most": 4}""", "grown") < Drop("", "free"));
    }

    [Fact]
    public void Run_LanguageModel_LayersStayAlikeAndTheFolderOpens()
    {
        var result = _recipe.Run(TestRecipe.Gpt2.Replace("\"takeFirst\": 6", "\"takeFirst\": 12", StringComparison.Ordinal), """
            {"type": "cut", "granularity": "neuron", "targetParams": 0.9, "scope": "global", "compensate": ["bias"], "calibrationExamples": 1}
            """);
        var model = PretrainedModel.Open(Path.Combine(_recipe["out"], "model"));
        Assert.Equal(result.Reports[1].Cut!.ParametersAfter, model.Module.NamedParameters().Sum(entry => entry.Parameter.Shape.Count));
        Assert.Contains("n_inner", model.Plan!.Config.Select(edit => edit.Member));
    }

    /// <summary>Levelling layers asks for scores too, and gradients do not outlive the choice.</summary>
    [Fact]
    public void Run_LanguageModelByGradients_LayersStayAlike()
    {
        _recipe.Run(TestRecipe.Gpt2, """
            {"type": "cut", "granularity": "neuron", "amount": 0.25, "scope": "global", "criterion": "taylor", "calibrationExamples": 2}
            """);
        var model = PretrainedModel.Open(Path.Combine(_recipe["out"], "model"));
        Assert.Contains("n_inner", model.Plan!.Config.Select(edit => edit.Member));
    }

    [Fact]
    public void Run_TextClassifier_IsCutByItsTrainingData()
    {
        var result = _recipe.Run(TestRecipe.Bert, """{"type": "cut", "amount": 0.25, "criterion": "wanda", "calibrationExamples": 1}""");
        Assert.True(result.Reports[1].Cut!.MacsAfter < 0.9 * result.Reports[1].Cut!.MacsBefore);
        Assert.Equal("bert", PretrainedModel.Open(Path.Combine(_recipe["out"], "model")).ModelType);
    }

    [Fact]
    public void Run_ModelFromNothing_IsWrittenWithItsPlan()
    {
        _recipe.Run(TestRecipe.LeNet(), """{"type": "cut", "amount": 0.5}""");
        Assert.NotNull(PretrainedVisionModel.Open(Path.Combine(_recipe["out"], "model.safetensors"), "lenet").Plan);
    }

    /// <summary>Pruning moves a weight to the end of its module.</summary>
    [Fact]
    public void Run_ModelFromNothingWithMasks_IsWrittenInItsArchitecturesOrder()
    {
        _recipe.Run(TestRecipe.LeNet(), """{"type": "prune", "amount": 0.5}""");
        using var written = Checkpoint.Open(Path.Combine(_recipe["out"], "model.safetensors"));
        Assert.Equal(VisionModels.Find("lenet")!.Create(10).StateDict().Keys, written.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Run_ModelFromNothingWithoutSomeBlocks_IsWritten()
    {
        var members = TestRecipe.ResNet.Replace($"\"path\": \"{TestRecipe.ResNetPath}\", ", "\"classes\": 10, ", StringComparison.Ordinal);
        _recipe.Run(members, """{"type": "cut", "granularity": "layer", "amount": 0.3, "calibrationExamples": 2}""");
        var path = Path.Combine(_recipe["out"], "model.safetensors");
        Assert.Equal(2, PretrainedVisionModel.Open(path, "resnet20").Plan!.Blocks!.Count);
        using var written = Checkpoint.Open(path);
        using var whole = Checkpoint.Open(TestRecipe.ResNetPath);
        Assert.Equal(2, whole.Tensors.Select(BlockOf).Except(written.Tensors.Select(BlockOf)).Count());

        static string BlockOf(TensorSource tensor) => string.Join('.', tensor.Name.Replace("module.", "", StringComparison.Ordinal).Split('.')[..2]);
    }

    [Fact]
    public void Plan_Cuts_AreEstimatedAndLaterStagesTriedOnWhatIsLeft()
    {
        var plan = RecipeRun.Prepare(_recipe.Read(Mnist, Iterative), _recipe["out"]).Plan(TestContext.Current.CancellationToken);
        Assert.Contains("80 % of the multiply-accumulates are left: about ", plan.Stages[1].Description, StringComparison.Ordinal);
        Assert.Contains("made up for by biases and new statistics", plan.Stages[1].Description, StringComparison.Ordinal);
        Assert.Contains("what is cut next drawn to 0", plan.Stages[2].Description, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_recipe["out"]));
    }

    [Theory]
    [InlineData("""{"type": "cut", "amount": 0.99}""", "stages[0]: A ratio of 0.99 would leave nothing of group")]
    [InlineData("""{"type": "cut", "amount": 0.5, "granularity": "head"}""", "stages[0]: No group is in scope")]
    [InlineData("""{"type": "cut", "amount": 0.5, "include": ["convs*"]}""", "stages[0]: 'convs*' matches nothing")]
    [InlineData("""{"type": "cut", "targetMacs": 0.0001}""", "stages[0]: The target of")]
    [InlineData("""{"type": "cut", "amount": 0.5}, {"type": "cut", "amount": 0.5}""", "stages[1]: there is nothing to cut")]
    [InlineData("""{"type": "cut", "amount": 0.5}, {"type": "cut", "targetMacs": 0.9}""", "stages[1]: there is nothing to cut")]
    public void Prepare_CutThatCantBe_NamesTheStage(string stages, string says)
    {
        Assert.Contains(says, _recipe.Error(Mnist, stages), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_recipe["out"]));
    }

    private static PretrainedVisionModel Open(string path) => PretrainedVisionModel.Open(path, "mnist-cnn");
}
