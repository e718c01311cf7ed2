using System.Text.Json;
using Coppice.Models;
using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

/// <summary>Recipes that leave out whole layers.</summary>
public sealed class LayerCuttingTests : IDisposable
{
    private const string Train = """{"type": "train", "steps": 2, "batchSize": 2, "saveEvery": 1, "optimizer": {"learningRate": 0.001, "momentum": 0.9} }""";

    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData(""", "criterion": "angular" """)]
    public void Run_Layers_AreLeftOutAndTheRestIsTrained(string criterion)
    {
        var result = _recipe.Run(TestRecipe.Stories, $$"""{"type": "cut", "granularity": "layer", "amount": 0.4, "calibrationExamples": 2 {{criterion}} }, {{Train}}""");
        var model = PretrainedModel.Open(Path.Combine(_recipe["out"], "model"));
        Assert.Equal(3, Blocks(model));
        Assert.Null(model.Plan);
        Assert.Equal(2, result.Reports[1].Cut!.Layers!.Split(", ").Length);
        Assert.Equal(result.Reports[1].Cut!.ParametersAfter, model.Module.NamedParameters().Sum(entry => entry.Parameter.Shape.Count));
        Assert.NotEqual(result.Reports[1].Quality, result.Reports[2].Quality);
        Assert.Equal(3, Config().RootElement.GetProperty("num_hidden_layers").GetInt32());
    }

    /// <summary>Heads of every layer, then layers, then neurons, under masks; each by the numbers that layers have then.</summary>
    [Fact]
    public void Run_LayersBetweenOtherCuts_KilledAfterEachStage_EndsWithTheSameBytes()
    {
        const string stages = $$"""
            {"type": "prune", "amount": 0.2, "include": ["*proj.weight"], "exclude": ["model.layers.4.self_attn.*"]},
            {"type": "cut", "granularity": "head", "amount": 0.25},
            {"type": "cut", "granularity": "layer", "amount": 0.2, "calibrationExamples": 2},
            {{Train}},
            {"type": "cut", "granularity": "neuron", "amount": 0.25, "criterion": "wanda", "calibrationExamples": 2},
            {"type": "cut", "granularity": "layer", "amount": 0.4, "calibrationExamples": 2},
            {{Train}}
            """;
        var whole = _recipe.Run(TestRecipe.Stories, stages, "whole");
        TestRecipe.AssertSame(whole, _recipe.RunKilled(TestRecipe.Stories, stages, "killed"));
        var model = PretrainedModel.Open(Path.Combine(_recipe["whole"], "model"));
        Assert.Equal(3, Blocks(model));
        Assert.Equal(129, model.Module.Find("model.layers.2.mlp.up_proj").Parameter("weight").Shape[0]);
        Assert.Equal(48, model.Module.Find("model.layers.2.self_attn.q_proj").Parameter("weight").Shape[0]);
        Assert.InRange(whole.Reports[^1].SparsityInScope, 0.1, 0.3);
        Assert.Empty(RunVerification.Of(Path.Combine(_recipe["whole"], "lock.json"), cancellation: TestContext.Current.CancellationToken).Differences);
    }

    [Fact]
    public void Run_RewindOverLayers_PutsTheFirstWeightsIntoThoseThatStay()
    {
        var result = _recipe.Run(TestRecipe.Stories,
            $$"""{{Train}}, {"type": "cut", "granularity": "layer", "amount": 0.4, "calibrationExamples": 2}, {"type": "rewind"}""");
        var gone = result.Reports[2].Cut!.Layers!.Split(", ").Select(int.Parse).ToList();
        var stay = Enumerable.Range(0, 5).Except(gone).ToList();
        var (before, after) = (PretrainedModel.Open(TestData.InRepository("samples", "models", "stories260K")),
            PretrainedModel.Open(Path.Combine(_recipe["out"], "model")));
        Assert.All(stay.Index(), layer => Assert.Equal(
            before.Module.Find($"model.layers.{layer.Item}.mlp.up_proj").Parameter("weight").Data.ToArray<float>(),
            after.Module.Find($"model.layers.{layer.Index}.mlp.up_proj").Parameter("weight").Data.ToArray<float>()));
    }

    [Fact]
    public void Plan_Layers_AreEstimated()
    {
        var plan = RecipeRun.Prepare(_recipe.Read(TestRecipe.Stories, $$"""{"type": "cut", "granularity": "layer", "amount": 0.4}, {{Train}}"""), _recipe["out"])
            .Plan(TestContext.Current.CancellationToken);
        Assert.Contains("cuts layers out by block-influence, 40 % of them: about ", plan.Stages[0].Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.01}""", "stages[0]: an amount of 0.01 would remove 0 of 5 blocks")]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.95}""", "stages[0]: an amount of 0.95 would remove 5 of 5 blocks")]
    [InlineData("""{"type": "cut", "granularity": "layer", "amount": 0.4}, {"type": "cut", "granularity": "layer", "amount": 0.2}""",
        "stages[1]: there is nothing to cut: the model has 3 of the 5 layers")]
    public void Prepare_LayersThatCantBe_NamesTheStage(string stages, string says) =>
        Assert.Contains(says, _recipe.Error(TestRecipe.Stories, stages), StringComparison.Ordinal);

    private static int Blocks(PretrainedModel model) => ((IBlockModel)model.Module).Blocks.Count;

    private JsonDocument Config() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_recipe["out"], "model", "config.json")));
}
