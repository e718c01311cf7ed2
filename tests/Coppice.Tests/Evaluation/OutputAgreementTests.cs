using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class OutputAgreementTests
{
    [Fact]
    public void Add_HandExample_IsTheKnownDivergence()
    {
        // p = (1/2, 1/2), q = (1/4, 3/4): KL = ln 2 - ln 3 / 2.
        var agreement = new OutputAgreement();
        agreement.Add([0f, 0f], [0f, MathF.Log(3)]);
        Assert.Equal(Math.Log(2) - Math.Log(3) / 2, agreement.MeanKl, 1e-7);
        Assert.Equal(MathF.Log(3), agreement.MaxLogitDifference);
        Assert.Equal(0, agreement.Top1Agreement);
    }

    [Fact]
    public void Add_GoldenCases_MatchNumpy()
    {
        foreach (var golden in GoldenCases.Of("agreement"))
        {
            var agreement = new OutputAgreement();
            foreach (var (before, after) in golden.GetProperty("before").EnumerateArray().Zip(golden.GetProperty("after").EnumerateArray()))
                agreement.Add(before.Floats(), after.Floats());
            GoldenCases.Near(golden.GetProperty("mean_kl").GetDouble(), agreement.MeanKl, relative: 1e-8);
            Assert.Equal(golden.GetProperty("top1").GetDouble(), agreement.Top1Agreement);
            Assert.Equal(golden.GetProperty("max_difference").GetDouble(), agreement.MaxLogitDifference);
        }
    }

    [Theory]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1300)]
    public void Add_LongRows_MatchTheScalarFormula(int width)
    {
        var random = new Random(width);
        float[] before = [.. Enumerable.Range(0, width).Select(_ => (float)(random.NextDouble() * 20 - 10))];
        float[] after = [.. before.Select(x => x + (float)random.NextDouble())];
        after[width - 1] = before[width - 1] - 9;
        double sumBefore = before.Sum(x => Math.Exp(x)), sumAfter = after.Sum(x => Math.Exp(x));
        var kl = before.Zip(after, (b, a) => Math.Exp(b) / sumBefore * (b - Math.Log(sumBefore) - a + Math.Log(sumAfter))).Sum();
        var agreement = new OutputAgreement();
        agreement.Add(before, after);
        GoldenCases.Near(kl, agreement.MeanKl, relative: 1e-10);
        Assert.Equal((double)before[^1] - after[^1], agreement.MaxLogitDifference);
    }

    [Fact]
    public void Add_SameRow_AgreesExactly()
    {
        var agreement = new OutputAgreement();
        float[] row = [3e38f, -3e38f, 1f];
        agreement.Add(row, row);
        Assert.Equal((1.0, 0.0, 0.0), (agreement.Top1Agreement, agreement.MeanKl, agreement.MaxLogitDifference));
    }

    [Fact]
    public void Add_EqualLargestLogits_CountsTheFirst()
    {
        var agreement = new OutputAgreement();
        agreement.Add([-0f, 0f, -1f], [2f, 2f, 1f]);
        Assert.Equal(1, agreement.Top1Agreement);
    }

    [Fact]
    public void Add_LogitsFarApart_StaysFinite()
    {
        var agreement = new OutputAgreement();
        agreement.Add([1000f, -1000f], [-1000f, 1000f]);
        GoldenCases.Near(2000, agreement.MeanKl);
    }

    [Fact]
    public void Add_BadInput_ThrowsAndCountsNothing()
    {
        var agreement = new OutputAgreement();
        Assert.Contains("2 logits before and 1 after", Message([1f, 2f], [1f]), StringComparison.Ordinal);
        Assert.Contains("index 0 is", Message([float.PositiveInfinity], [1f]), StringComparison.Ordinal);
        Assert.Contains("index 1 is NaN", Message([1f, 1f], [1f, float.NaN]), StringComparison.Ordinal);
        Assert.Contains("empty", Message([], []), StringComparison.Ordinal);
        Assert.Equal(0, agreement.Rows);
        Assert.Throws<InvalidOperationException>(() => agreement.MeanKl);
        Assert.Throws<InvalidOperationException>(() => agreement.Top1Agreement);

        string Message(float[] before, float[] after) => Assert.Throws<ArgumentException>(() => agreement.Add(before, after)).Message;
    }
}
