using Coppice.Recipes;

namespace Coppice.Tests.Recipes;

public sealed class CutRangesTests : IDisposable
{
    private readonly TestRecipe _recipe = new();

    public void Dispose() => _recipe.Dispose();

    [Theory]
    [InlineData("""{"amount": 0.5, "targetSize": "1MB"}""", "stages[0]: give one of 'amount', ")]
    [InlineData("""{"targetSize": "1"}""", "stages[0].targetSize: expected a size such as 2MB or 800kB, found '1'")]
    [InlineData("""{"targetLatency": "8"}""", "stages[0].targetLatency: expected a time such as 8ms, found '8'")]
    [InlineData("""{"amount": 0.5, "ratios": [{"glob": "a", "ratio": 0.5}, {"glob": "b", "ratio": 2}]}""", "stages[0].ratios[1].ratio: expected a share from 0 to 1, found 2")]
    [InlineData("""{"amount": 0.5, "scope": "global", "ratios": [{"glob": "a", "ratio": 0.5}]}""", "stages[0].ratios: what is ranked together")]
    [InlineData("""{"amount": 0.5, "scope": "global", "rankTogether": ["a"]}""", "stages[0].rankTogether: it goes with the scope per-tensor")]
    [InlineData("""{"amount": 0.5, "granularity": "layer", "criterion": "l1"}""", "stages[0].criterion: layers go by block-influence or angular")]
    [InlineData("""{"amount": 0.5, "criterion": "angular"}""", "stages[0].criterion: this criterion scores layers")]
    [InlineData("""{"amount": 0.5, "granularity": "layer", "roundTo": 8}""", "stages[0].roundTo: layers go whole")]
    [InlineData("""{"targetMacs": 0.5, "granularity": "layer"}""", "stages[0].targetMacs: layers go whole")]
    [InlineData("""{"granularity": "layer"}""", "stages[0].amount: say which share of the layers goes")]
    [InlineData("""{"criterion": "slimming", "scope": "global"}""", "stages[0].scope: slimming cuts what it masks")]
    [InlineData("""{"amount": 0.5, "compensate": ["least-squares", "bias"]}""", "stages[0].compensate: least-squares corrects biases too")]
    [InlineData("""{"amount": 0.5, "ratios": [{"glob": "a"}]}""", "stages[0].ratios[0]")]
    public void Read_CutThatContradictsItself_NamesTheKey(string cut, string says) => Assert.Contains(says, Assert.Throws<RecipeException>(
        () => _recipe.Read(TestRecipe.Mnist(), "{\"type\": \"cut\", " + cut[1..])).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_GrowingBeforeLayers_SaysWhatIsMissing() => Assert.Contains("stages[0].growing: the next 'cut' stage", Assert.Throws<RecipeException>(
        () => _recipe.Read(TestRecipe.Gpt2, """
            {"type": "train", "steps": 1, "optimizer": {"learningRate": 0.1}, "growing": {} }, {"type": "cut", "granularity": "layer", "amount": 0.25}
            """)).Message, StringComparison.Ordinal);
}
