using Coppice.Generation;

namespace Coppice.Tests.Generation;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [1, 3, 2, 3, -4];

    [Fact]
    public void Next_AtTemperatureZero_TakesTheFirstOfTheLikeliest() => Assert.Equal(1, Draw(new(), 1).Single());

    [Fact]
    public void Next_WithTopK_DrawsAmongThatManyLowerIdsFirst()
    {
        Assert.Equal([1, 3], Distinct(new() { Temperature = 5, TopK = 2 }));
        Assert.Equal([1], Distinct(new() { Temperature = 5, TopK = 1 }));
        Assert.Equal([0, 1, 2, 3, 4], Distinct(new() { Temperature = 20, TopK = 99 }));
    }

    [Fact]
    public void Next_WithTopP_DrawsAmongTheFewestThatReachIt()
    {
        // Probabilities at temperature 1: 0.399 for 1 and 3, 0.147 for 2, 0.054 for 0.
        Assert.Equal([1], Distinct(new() { Temperature = 1, TopP = 0.39f }));
        Assert.Equal([1, 3], Distinct(new() { Temperature = 1, TopP = 0.5f }));
        Assert.Equal([1, 2, 3], Distinct(new() { Temperature = 1, TopP = 0.9f }));
    }

    [Fact]
    public void Next_AtATemperature_DrawsBySoftmax()
    {
        var draws = Draw(new() { Temperature = 2 }, 20_000);
        var weights = Logits.Select(logit => Math.Exp(logit / 2)).ToArray();
        for (var id = 0; id < Logits.Length; id++)
            Assert.Equal(weights[id] / weights.Sum(), draws.Count(draw => draw == id) / 20_000.0, 0.015);
    }

    [Fact]
    public void Next_WithAPenalty_AvoidsWhatWasSeen()
    {
        var sampler = new Sampler(new() { RepetitionPenalty = 2 }, 0);
        sampler.See([1]);
        Assert.Equal(3, sampler.Next([.. Logits]));
        Assert.Equal(2, sampler.Next([.. Logits]));
        Assert.Equal(1, sampler.Next([.. Logits]));
    }

    [Fact]
    public void Next_WithAPenalty_MultipliesNegativeLogits()
    {
        var sampler = new Sampler(new() { RepetitionPenalty = 2 }, 0);
        sampler.See([0]);
        Assert.Equal(1, sampler.Next([-1, -1.5f]));
    }

    [Fact]
    public void Next_WithOneSeed_RepeatsItsDraws()
    {
        GenerationOptions options = new() { Temperature = 3 };
        Assert.Equal(Draw(options, 50), Draw(options, 50));
        Assert.NotEqual(Draw(options, 50), Draw(options, 50, seed: 1));
    }

    private static int[] Distinct(GenerationOptions options) => [.. Draw(options, 500).Distinct().Order()];

    private static int[] Draw(GenerationOptions options, int count, int seed = 0)
    {
        var sampler = new Sampler(options, seed);
        return [.. Enumerable.Range(0, count).Select(_ => sampler.Next([.. Logits]))];
    }
}
