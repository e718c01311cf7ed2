using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class PerplexityTests
{
    [Fact]
    public void Value_UniformLogits_IsTheVocabularySize()
    {
        var perplexity = new Perplexity();
        foreach (var level in new[] { 0f, 1000f, -1e30f })
            perplexity.Add(Enumerable.Repeat(level, 1300).ToArray(), 7);
        GoldenCases.Near(1300, perplexity.Value);
    }

    [Fact]
    public void Add_GoldenLogits_SumsTheNllOfNumpy()
    {
        foreach (var golden in GoldenCases.Of("agreement"))
        {
            var perplexity = new Perplexity();
            foreach (var (row, target) in golden.GetProperty("before").EnumerateArray().Zip(golden.GetProperty("targets").Ints()))
                perplexity.Add(row.Floats(), target);
            GoldenCases.Near(golden.GetProperty("nll").GetDouble(), perplexity.NllSum);
        }
    }

    [Fact]
    public void Value_PyTorchBaseline_FollowsFromItsSum()
    {
        var perplexity = new Perplexity();
        perplexity.Add(101141.1488647461, 25_500);
        GoldenCases.Near(52.789883043243236, perplexity.Value);
    }

    [Fact]
    public void Add_BadInput_SaysWhatAndCountsNothing()
    {
        var perplexity = new Perplexity();
        var error = Assert.Throws<ArgumentException>(() => perplexity.Add([0f, float.NaN], 0));
        Assert.Contains("index 1 is NaN", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => perplexity.Add([0f, float.NegativeInfinity], 0));
        Assert.Throws<ArgumentException>(() => perplexity.Add([], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => perplexity.Add([0f, 1f], 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => perplexity.Add([0f, 1f], -1));
        Assert.Throws<ArgumentException>(() => perplexity.Add(double.NaN, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => perplexity.Add(1.0, 0L));
        Assert.Throws<InvalidOperationException>(() => perplexity.Value);
    }
}
