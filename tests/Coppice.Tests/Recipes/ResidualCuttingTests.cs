using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Onnx;
using Coppice.Recipes;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Tests.Recipes;

/// <summary>Recipes that leave out residual blocks.</summary>
public sealed class ResidualCuttingTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 1, "batchSize": 4, "saveEvery": 1, "optimizer": {"learningRate": 0.001, "momentum": 0.9} }""";

    /// <summary>Blocks between channels, under masks.</summary>
    private const string Mixed = $$"""
        {"type": "prune", "amount": 0.2},
        {"type": "cut", "targetMacs": 0.8, "scope": "global"},
        {"type": "cut", "granularity": "layer", "amount": 0.3, "calibrationExamples": 4},
        {{Train}},
        {"type": "cut", "amount": 0.5},
        {"type": "cut", "granularity": "layer", "amount": 0.6, "calibrationExamples": 4},
        {{Train}}
        """;

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    private static string Samples => TestData.InRepository("samples");

    [Fact]
    public void Run_BlocksBetweenChannels_KilledAfterEachStage_EndsWithTheSameBytes()
    {
        var whole = _recipe.Run(TestRecipe.ResNet, Mixed, "whole");
        TestRecipe.AssertSame(whole, _recipe.RunKilled(TestRecipe.ResNet, Mixed, "killed"));
        Assert.Empty(RunVerification.Of(Path.Combine(_recipe["whole"], "lock.json"), cancellation: TestContext.Current.CancellationToken).Differences);
        var path = Path.Combine(_recipe["whole"], "model.th");
        var plan = StructuralPlan.Load(PretrainedVisionModel.PlanPath(path));
        string[] gone = [.. whole.Reports.Select(report => report.Cut?.Layers).OfType<string>().SelectMany(layers => layers.Split(", "))];
        Assert.Equal(4, gone.Length);
        Assert.Equal(gone, plan.Blocks!);
        Assert.DoesNotContain(plan.Tensors, tensor => gone.Any(block => tensor.Name.StartsWith($"{block}.", StringComparison.Ordinal)));
        Assert.Equal(whole.Reports[^2].Cut!.ParametersAfter,
            PretrainedVisionModel.Open(path, "resnet20").Classifier.NamedParameters().Sum(entry => entry.Parameter.Shape.Count));
        Assert.InRange(whole.Reports[^1].SparsityInScope, 0.05, 0.4);
    }

    [Fact]
    public void Run_BlocksOfAnOnnxFile_KilledAfterEachStage_EndsWithTheSameBytes()
    {
        var members = Onnx();
        var whole = _recipe.Run(members, Mixed, "whole");
        TestRecipe.AssertSame(whole, _recipe.RunKilled(members, Mixed, "killed"));
        Assert.Empty(RunVerification.Of(Path.Combine(_recipe["whole"], "lock.json"), cancellation: TestContext.Current.CancellationToken).Differences);
        Assert.Equal(2, OnnxPruning.Open(Path.Combine(_recipe["whole"], "model.onnx")).Blocks.Count);
        using var weights = OnnxWeights.Open(Path.Combine(_recipe["whole"], "model.onnx"));
        Assert.Equal(6, weights.Tensors.Count);
    }

    [Fact]
    public void Run_RewindOverBlocks_PutsTheFirstWeightsIntoThoseThatStay()
    {
        _recipe.Run(TestRecipe.ResNet, $$"""{{Train}}, {"type": "cut", "granularity": "layer", "amount": 0.3, "calibrationExamples": 2}, {"type": "rewind"}""");
        var before = PretrainedVisionModel.Open(Path.Combine(Samples, "models", "cifar10-resnet", "resnet20-12fca82f.th"), "resnet20").Classifier;
        var after = PretrainedVisionModel.Open(Path.Combine(_recipe["out"], "model.th"), "resnet20").Classifier;
        var first = before.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter.Data.ToArray<float>());
        Assert.All(after.NamedParameters(), entry => Assert.Equal(first[entry.Name], entry.Parameter.Data.ToArray<float>()));
    }

    [Fact]
    public void Plan_Blocks_AreEstimated()
    {
        var plan = RecipeRun.Prepare(_recipe.Read(TestRecipe.ResNet, Mixed), _recipe["out"]).Plan(TestContext.Current.CancellationToken);
        Assert.Contains("cuts layers out by block-influence, 30 % of them: about ", plan.Stages[2].Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.01}""", "stages[0]: an amount of 0.01 would remove 0 of 7 blocks")]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.5, "criterion": "angular"}""", "stages[0]: angular is a distance between layers of a transformer")]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.4}, {"type": "cut", "granularity": "layer", "amount": 0.3}""",
        "stages[1]: there is nothing to cut: the model has 4 of the 7 residual blocks")]
    public void Prepare_BlocksThatCantBe_NamesTheStage(string stages, string says) =>
        Assert.Contains(says, _recipe.Error(TestRecipe.ResNet, stages), StringComparison.Ordinal);

    /// <summary>Four blocks x + relu(w x).</summary>
    private string Onnx()
    {
        var model = new TinyOnnx().Add("Conv", ["x", "first"], "s0").Weight("first", 6, 1, 3, 3);
        for (var block = 1; block <= 4; block++)
            model.Add("Conv", [$"s{block - 1}", $"w{block}"], $"c{block}").Add("Relu", [$"c{block}"], $"r{block}")
                .Add("Conv", [$"r{block}", $"v{block}"], $"d{block}").Add("Add", [$"s{block - 1}", $"d{block}"], $"s{block}")
                .Weight($"w{block}", 8, 6, 1, 1).Weight($"v{block}", 6, 8, 1, 1);
        model.Add("GlobalAveragePool", ["s4"], "p").Add("Flatten", ["p"], "f").Add("MatMul", ["f", "head"], "y").Weight("head", 6, 10);
        model.Save(_recipe["residual.onnx"], 4, 1, 28, 28);
        return TestRecipe.Onnx.Replace($"{Samples}/models/onnx/mnist_cntk.onnx", _recipe["residual.onnx"], StringComparison.Ordinal);
    }
}
