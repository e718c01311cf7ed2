using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class PairedDifferenceTests
{
    private const int Classes = 4;
    private static readonly (int[] Truth, int[] Before, int[] After) Sample = Draw();

    [Fact]
    public void Compute_SamePredictions_IsNoDifference()
    {
        var same = PairedDifference.Compute(Sample.Truth, Sample.Before, Sample.Before, Classes);
        Assert.Equal(new DifferenceInterval(0, 0, 0), same.Accuracy);
        Assert.Equal(new DifferenceInterval(0, 0, 0), same.MacroF1);
        Assert.Equal(new McNemarTest(0, 0, true, 1), same.McNemar);
    }

    [Fact]
    public void Compute_HandExample_CountsDiscordantExamples()
    {
        var paired = PairedDifference.Compute([0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0], [0, 1, 1, 0, 1, 0], 2);
        Assert.Equal((2, 1), (paired.McNemar.OnlyBeforeRight, paired.McNemar.OnlyAfterRight));
        GoldenCases.Near(-1 / 6.0, paired.Accuracy.Difference);
    }

    [Fact]
    public void Compute_Differences_AreThoseOfTheMetrics()
    {
        var paired = PairedDifference.Compute(Sample.Truth, Sample.Before, Sample.After, Classes);
        var before = ClassificationMetrics.Compute(Sample.Truth, Sample.Before, Classes);
        var after = ClassificationMetrics.Compute(Sample.Truth, Sample.After, Classes);
        Assert.Equal(after.Accuracy - before.Accuracy, paired.Accuracy.Difference, 1e-12);
        Assert.Equal(after.Macro.F1 - before.Macro.F1, paired.MacroF1.Difference, 1e-12);
    }

    [Fact]
    public void Compute_AccuracyInterval_IsCloseToTheNormalApproximation()
    {
        var paired = PairedDifference.Compute(Sample.Truth, Sample.Before, Sample.After, Classes);
        double n = Sample.Truth.Length, b = paired.McNemar.OnlyBeforeRight, c = paired.McNemar.OnlyAfterRight;
        var halfWidth = 1.96 * Math.Sqrt((b + c) / n - Math.Pow((c - b) / n, 2)) / Math.Sqrt(n);
        Assert.Equal(paired.Accuracy.Difference - halfWidth, paired.Accuracy.Lower, 0.1 * halfWidth);
        Assert.Equal(paired.Accuracy.Difference + halfWidth, paired.Accuracy.Upper, 0.1 * halfWidth);
        Assert.InRange(paired.MacroF1.Difference, paired.MacroF1.Lower, paired.MacroF1.Upper);
    }

    [Fact]
    public void Compute_Seed_FixesTheIntervals()
    {
        PairedDifference Run(ulong seed) => PairedDifference.Compute(Sample.Truth, Sample.Before, Sample.After, Classes, seed);
        Assert.Equal(Run(5), Run(5));
        Assert.NotEqual(Run(5).MacroF1, Run(6).MacroF1);
    }

    [Fact]
    public void Compute_BadInput_Throws()
    {
        Assert.Throws<ArgumentException>(() => PairedDifference.Compute([0, 1], [0, 1], [0], 2));
        Assert.Throws<ArgumentException>(() => PairedDifference.Compute([0, 1], [0, 1], [0, 2], 2));
        Assert.Throws<ArgumentException>(() => PairedDifference.Compute([], [], [], 2));
    }

    private static (int[] Truth, int[] Before, int[] After) Draw()
    {
        var random = new Random(11);
        int[] truth = [.. Enumerable.Range(0, 1000).Select(_ => random.Next(Classes))];
        int[] Noisy(double right) => [.. truth.Select(t => random.NextDouble() < right ? t : random.Next(Classes))];
        return (truth, Noisy(0.8), Noisy(0.75));
    }
}
