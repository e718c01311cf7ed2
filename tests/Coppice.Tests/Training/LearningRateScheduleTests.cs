using System.Text.Json;
using Coppice.Training;

namespace Coppice.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private static readonly JsonElement Torch = JsonElement.Parse(
        File.ReadAllBytes(TestData.InRepository("tests", "Golden", "training", "schedules.json")));

    [Fact]
    public void CosineAnnealing_EqualsTorch() => AssertTorch("cosine", step => LearningRateSchedule.CosineAnnealing(step, 12, 0.1));

    [Fact]
    public void CosineWarmRestarts_EqualsTorch() => AssertTorch("restarts", step => LearningRateSchedule.CosineWarmRestarts(step, 5, 2));

    [Fact]
    public void StepDecay_EqualsTorch() => AssertTorch("step", step => LearningRateSchedule.StepDecay(step, 4, 0.5));

    [Fact]
    public void OneCycle_EqualsTorch() => AssertTorch("one_cycle", step => LearningRateSchedule.OneCycle(step, 20));

    [Fact]
    public void CosineWarmRestarts_PeriodsOfOneLength_Repeat()
    {
        Assert.Equal(1, LearningRateSchedule.CosineWarmRestarts(5_000_000_000, 5));
        Assert.Equal(LearningRateSchedule.CosineAnnealing(3, 5), LearningRateSchedule.CosineWarmRestarts(13, 5));
    }

    [Fact]
    public void LinearWarmup_RisesToOneAndStays() =>
        Assert.Equal([0.25, 0.5, 0.75, 1, 1], Enumerable.Range(0, 5).Select(step => LearningRateSchedule.LinearWarmup(step, 4)));

    [Fact]
    public void Schedules_AfterTheirEnd_StayWhereTheyAre()
    {
        Assert.Equal(0.1, LearningRateSchedule.CosineAnnealing(100, 12, 0.1), 12);
        Assert.Equal(LearningRateSchedule.OneCycle(19, 20), LearningRateSchedule.OneCycle(1000, 20));
    }

    [Fact]
    public void Schedules_BadNumbers_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.CosineAnnealing(-1, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.StepDecay(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.OneCycle(0, 5, rise: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRateSchedule.CosineWarmRestarts(0, 5, 0));
    }

    private static void AssertTorch(string name, Func<long, double> schedule)
    {
        var expected = Torch.GetProperty(name).EnumerateArray().Select(rate => rate.GetDouble()).ToArray();
        for (var step = 0; step < expected.Length; step++)
            Assert.Equal(expected[step], schedule(step), 1e-12);
    }
}
