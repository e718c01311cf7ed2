using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class McNemarTestTests
{
    [Fact]
    public void Compute_OneAgainstFive_IsExactByHand()
    {
        // 2 * (C(6,0) + C(6,1)) / 2^6
        var test = McNemarTest.Compute(1, 5);
        Assert.Equal(14 / 64.0, test.PValue);
        Assert.True(test.Exact);
    }

    [Fact]
    public void Compute_GoldenCases_MatchPython()
    {
        foreach (var golden in GoldenCases.Of("mcnemar"))
        {
            var (before, after) = (golden[0].GetInt32(), golden[1].GetInt32());
            var test = McNemarTest.Compute(before, after);
            GoldenCases.Near(golden[2].GetDouble(), test.PValue);
            Assert.Equal(before + after < McNemarTest.ChiSquareFrom, test.Exact);
            Assert.Equal(test.PValue, McNemarTest.Compute(after, before).PValue);
        }
    }

    [Fact]
    public void Compute_LargestCounts_StayInRange()
    {
        Assert.Equal(1, McNemarTest.Compute(int.MaxValue, int.MaxValue).PValue);
        Assert.Equal(0, McNemarTest.Compute(int.MaxValue, 0).PValue);
    }

    [Fact]
    public void Erfc_GoldenCases_MatchesPython()
    {
        foreach (var golden in GoldenCases.Of("erfc"))
            GoldenCases.Near(golden[1].GetDouble(), McNemarTest.Erfc(golden[0].GetDouble()), relative: 2e-13);
    }

    [Fact]
    public void Compute_NegativeCount_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => McNemarTest.Compute(-1, 3));
}
