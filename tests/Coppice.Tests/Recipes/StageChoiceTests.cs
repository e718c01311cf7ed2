using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

/// <summary>What stages choose by granularity, criterion, ratios of their own and targets.</summary>
public sealed class StageChoiceTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 2, "batchSize": 2, "saveEvery": 1, "optimizer": {"learningRate": 0.001, "momentum": 0.9} }""";

    /// <summary>What is estimated of it before the run is not what it cuts.</summary>
    private const string First = """{"type": "cut", "amount": 0.3, "criterion": "taylor", "scope": "global", "calibrationExamples": 16}""";

    private static readonly string Mnist = TestRecipe.Mnist();

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Theory]
    [InlineData("taylor2")]
    [InlineData("fisher")]
    [InlineData("hessian")]
    [InlineData("lamp")]
    public void Run_Criterion_LeavesTheCountsAndIsResumed(string criterion)
    {
        var stages = $$"""{"type": "cut", "amount": 0.25, "criterion": "{{criterion}}", "calibrationExamples": 16}, {{Train}}""";
        var whole = _recipe.Run(TestRecipe.LeNet(), stages, "whole");
        var model = PretrainedVisionModel.Open(Path.Combine(_recipe["whole"], "model.safetensors"), "lenet").Classifier;
        Assert.Equal([4, 12, 90, 63],
            new[] { "conv1", "conv2", "fc1", "fc2" }.Select(layer => model.Find(layer).Parameter("weight").Shape[0]));
        Assert.NotEqual(whole.Reports[1].Quality, whole.Reports[2].Quality);
        TestRecipe.AssertSame(whole, _recipe.RunKilled(TestRecipe.LeNet(), stages, "killed"));
    }

    /// <summary>Four key heads with two query heads each: a query head of each key head goes, and no key head.</summary>
    [Fact]
    public void Run_Query_TakesOneOfEachKeyHeadAndIsResumed()
    {
        const string stages = $$"""{"type": "cut", "granularity": "query", "amount": 0.5}, {{Train}}""";
        var whole = _recipe.Run(TestRecipe.Stories, stages, "whole");
        var attention = Text("whole").Find("model.layers.0.self_attn");
        Assert.Equal((32, 32), (attention.Find("q_proj").Parameter("weight").Shape[0], attention.Find("k_proj").Parameter("weight").Shape[0]));
        Assert.NotEqual(whole.Reports[1].Quality, whole.Reports[2].Quality);
        TestRecipe.AssertSame(whole, _recipe.RunKilled(TestRecipe.Stories, stages, "killed"));
    }

    [Fact]
    public void Run_Width_TakesFeaturesAndIsResumed()
    {
        const string stages = $$"""{"type": "cut", "granularity": "width", "amount": 0.25, "include": ["*"]}, {{Train}}""";
        var whole = _recipe.Run(TestRecipe.Stories, stages, "whole");
        Assert.Equal(48, Text("whole").Find("model.norm").Parameter("weight").Shape[0]);
        Assert.NotEqual(whole.Reports[1].Quality, whole.Reports[2].Quality);
        TestRecipe.AssertSame(whole, _recipe.RunKilled(TestRecipe.Stories, stages, "killed"));
    }

    [Fact]
    public void Run_OwnRatios_TheLastMatchCounts()
    {
        _recipe.Run(Mnist, """
            {"type": "cut", "amount": 0.25, "ratios": [{"glob": "conv*", "ratio": 0.75}, {"glob": "conv2.*", "ratio": 0.5}]}
            """);
        var model = Vision("out");
        // conv2 reads what conv1 makes, so the last glob matches both.
        Assert.Equal((4, 8), (model.Find("conv1").Parameter("weight").Shape[0], model.Find("conv2").Parameter("weight").Shape[0]));
    }

    [Fact]
    public void Run_RankedTogether_ShareTheAmount()
    {
        _recipe.Run(Mnist, """{"type": "cut", "amount": 0.5, "rankTogether": ["conv*"], "normalizer": "none"}""");
        var model = Vision("out");
        int[] left = [.. new[] { "conv1", "conv2", "conv3" }.Select(layer => model.Find(layer).Parameter("weight").Shape[0])];
        Assert.Equal((8 + 16 + 24) / 2, left.Sum());
        Assert.NotEqual(12, left[2]);
        Assert.Equal(16, model.Find("fc1").Parameter("weight").Shape[0]);
    }

    [Fact]
    public void Run_TargetSize_IsThatOfTheFile()
    {
        _recipe.Run(Mnist, $$"""{"type": "prune", "amount": 0.2}, {"type": "cut", "targetSize": "300kB", "scope": "global"}, {{Train}}""");
        Assert.InRange(new FileInfo(Path.Combine(_recipe["out"], "model.pt")).Length, 250 << 10, 300 << 10);
    }

    [Fact]
    public void Run_TargetSizeOfAFolder_IsThatOfItsWeights()
    {
        _recipe.Run(TestRecipe.Stories, """{"type": "cut", "targetSize": "700kB"}""");
        Assert.InRange(new FileInfo(Path.Combine(_recipe["out"], "model", "model.safetensors")).Length, 500 << 10, 700 << 10);
    }

    [Theory]
    [InlineData("10s", "stages[0]: there is nothing to cut: one example takes")]
    [InlineData("0.001us", "stages[0]: The target of 1E-06 ms is out of reach")]
    public void Run_TargetLatencyThatCantBe_SaysWhyAndKeepsNothing(string target, string says)
    {
        var error = Assert.Throws<RecipeException>(() => _recipe.Run(Mnist, $$"""{"type": "cut", "targetLatency": "{{target}}"}"""));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_recipe["out"], "state", "cut-0.json")));
    }

    /// <summary>What is reached hangs on the machine; what was chosen is done again, whatever another measurement would give.</summary>
    [Fact]
    public void Run_TargetLatencyThatWasMeasured_IsDoneAgainByResumingAndVerifying()
    {
        const string stages = $$"""{{First}}, {"type": "cut", "targetLatency": "10s", "scope": "global"}, {{Train}}""";
        var plan = Measured("""{"type": "cut", "amount": 0.5}""");
        var measured = new Dictionary<int, StageCut> { [1] = plan with { Report = plan.Report with { MillisecondsBefore = 2, MillisecondsAfter = 1 } } };
        // A run below the folder of the data is still named from its own.
        var settings = new Dictionary<string, string> { [RecipeFile.DataVariable] = _recipe.Folder };
        var file = RecipeFile.Read(_recipe.Write(Mnist, stages), settings);
        var whole = RecipeRun.Prepare(file, _recipe["out"], measured).Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((2.0, 1.0), (whole.Reports[2].Cut!.MillisecondsBefore, whole.Reports[2].Cut!.MillisecondsAfter));
        Assert.Equal(4, Vision("out").Find("conv1").Parameter("weight").Shape[0]);
        var path = Path.Combine(_recipe["out"], "cut-1.json");
        Assert.Contains("cut-1.json", whole.Outputs.Keys);
        var verification = RunVerification.Of(Path.Combine(_recipe["out"], "lock.json"), cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(verification.Differences);
        Assert.Equal(3, verification.Outputs);
        File.AppendAllText(path, " ");
        Assert.Contains("cut-1.json", Assert.Single(RunVerification.Of(Path.Combine(_recipe["out"], "lock.json"),
            cancellation: TestContext.Current.CancellationToken).Differences), StringComparison.Ordinal);
    }

    /// <summary>A run that was killed between measuring and the end of the stage.</summary>
    [Fact]
    public void Run_KilledAfterMeasuring_DoesWhatWasChosen()
    {
        const string stages = $$"""{{First}}, {"type": "cut", "targetLatency": "10s"}""";
        var plan = Measured("""{"type": "cut", "amount": 0.5}""");
        Assert.Throws<RecipeException>(() => _recipe.Run(Mnist, stages));
        File.WriteAllBytes(Path.Combine(_recipe["out"], "state", "cut-1.json"), plan.ToJson());
        _recipe.Run(Mnist, stages);
        Assert.Equal(4, Vision("out").Find("conv1").Parameter("weight").Shape[0]);
    }

    [Theory]
    [InlineData("""{"type": "cut", "targetSize": "1B"}""", "stages[0]: The target of 1 bytes is out of reach")]
    [InlineData("""{"type": "cut", "targetSize": "10MB"}""", "stages[0]: there is nothing to cut: the model's file takes no more than 10MB")]
    [InlineData("""{"type": "cut", "amount": 0.5, "ratios": [{"glob": "convs*", "ratio": 0.5}]}""", "stages[0]: 'convs*' matches nothing")]
    public void Prepare_TargetThatCantBe_NamesTheStage(string stages, string says) =>
        Assert.Contains(says, _recipe.Error(Mnist, stages), StringComparison.Ordinal);

    private StageCut Measured(string stage)
    {
        var file = _recipe.Read(Mnist, $$"""{{First}}, {{stage}}, {{Train}}""");
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => RecipeRun.Prepare(file, _recipe["measured"]).Run(progress =>
        {
            if (progress.Stage == 1 && progress.Done?.Cut is not null)
                cancellation.Cancel();
        }, cancellation.Token));
        return StageCut.Load(Path.Combine(_recipe["measured"], "state", "cut-1.json"));
    }

    private Module Vision(string output) => PretrainedVisionModel.Open(Path.Combine(_recipe[output], "model.pt"), "mnist-cnn").Classifier;

    private Module Text(string output) => PretrainedModel.Open(Path.Combine(_recipe[output], "model")).Module;
}
