using Coppice.Evaluation.Sensitivity;

namespace Coppice.Tests.Evaluation.Sensitivity;

public sealed class RatioAllocationTests
{
    private static SensitivityCurve Curve(string name, long elements, params (double Ratio, double Loss)[] points) =>
        new(name, [name], elements, [.. points.Select(p => new SensitivityPoint(p.Ratio, 0, p.Loss))]);

    [Fact]
    public void Allocate_TwoConvexCurves_TakesTheCheapestElementsFirst()
    {
        var cheap = Curve("cheap", 100, (0.5, 0.01), (1, 0.11));
        var dear = Curve("dear", 100, (0.5, 0.02), (1, 0.22));

        // cheap to 0.5 (0.01), dear to 0.5 (0.02), then half of cheap's second stretch (0.05 of 0.10).
        Assert.Equal([0.75, 0.5], RatioAllocation.Allocate([cheap, dear], 0.08), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void Allocate_LargerGroupWithTheSameLosses_ComesFirst()
    {
        var small = Curve("small", 10, (0.5, 0.02));
        var large = Curve("large", 1000, (0.5, 0.02));

        Assert.Equal([0, 0.5], RatioAllocation.Allocate([small, large], 0.02));
    }

    [Fact]
    public void Allocate_NoiseAtASmallRatio_DoesNotKeepARobustGroupWhole()
    {
        var noisy = Curve("noisy", 100, (0.1, 0.01), (0.9, 0.0101));
        var steady = Curve("steady", 100, (0.1, 0.005), (0.9, 0.1));

        Assert.Equal([0.9, 0], RatioAllocation.Allocate([noisy, steady], 0.0101), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void Allocate_GainsAndZeroLosses_AreFreeAtAnyBudget()
    {
        var better = Curve("better", 10, (0.3, -0.01), (0.6, 0.02));

        Assert.Equal([0.3], RatioAllocation.Allocate([better], 0));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Allocate_BudgetThatIsNone_Throws(double budget) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RatioAllocation.Allocate([Curve("a", 1, (0.5, 0.1))], budget));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Allocate_RandomCurves_StaysWithinTheBudgetAndGrowsWithIt(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var curves = Enumerable.Range(0, 1 + random.Next(6)).Select(i => Curve($"g{i}", 1 + random.Next(1000),
                [.. Enumerable.Range(1, 1 + random.Next(6)).Select(p => (p / 7.0, random.NextDouble() * 0.3 - 0.05))])).ToList();
            var previous = new double[curves.Count];
            foreach (var budget in Enumerable.Range(0, 20).Select(step => step * 0.05))
            {
                var ratios = RatioAllocation.Allocate(curves, budget);

                Assert.True(curves.Zip(ratios, (curve, ratio) => curve.PlannedLoss(ratio)).Sum() <= budget + 1e-12);
                Assert.All(ratios.Zip(previous), pair => Assert.True(pair.First >= pair.Second - 1e-12));
                previous = [.. ratios];
            }
            Assert.Equal(curves.Select(curve => curve.Points[^1].Ratio), RatioAllocation.Allocate(curves, 1000));
        }
    }

    [Fact]
    public void PlannedLoss_BetweenPoints_IsLinearOnTheRunningMaximum()
    {
        var curve = Curve("a", 1, (0.2, 0.04), (0.4, 0.02), (0.6, 0.08));

        Assert.Equal(0.02, curve.PlannedLoss(0.1), 12);
        Assert.Equal(0.04, curve.PlannedLoss(0.4), 12);
        Assert.Equal(0.06, curve.PlannedLoss(0.5), 12);
        Assert.Throws<ArgumentOutOfRangeException>(() => curve.PlannedLoss(0.7));
    }
}
