using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class LatencyStatisticsTests
{
    [Fact]
    public void From_GoldenCases_MatchesNumpysQuantiles()
    {
        foreach (var golden in GoldenCases.Of("quantiles"))
        {
            var samples = golden[0].Doubles();
            var statistics = LatencyStatistics.From(samples);
            GoldenCases.Near(golden[1][0].GetDouble(), statistics.P50);
            GoldenCases.Near(golden[1][1].GetDouble(), statistics.P95);
            Assert.Equal((samples.Length, samples.Min(), samples.Max()), (statistics.Samples, statistics.Min, statistics.Max));
        }
    }

    [Fact]
    public void From_BadSamples_Throws()
    {
        Assert.Throws<ArgumentException>(() => LatencyStatistics.From([]));
        Assert.Throws<ArgumentException>(() => LatencyStatistics.From([1, double.NaN]));
        Assert.Throws<ArgumentException>(() => LatencyStatistics.From([-1]));
    }
}
