using Coppice.Pruning;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tests.Pruning.Masks;

namespace Coppice.Tests.Pruning.Schedules;

public sealed class SparsityScheduleTests
{
    public static TheoryData<string> Kinds => ["linear", "cubic", "exponential"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void At_RandomSchedules_RisesFromItsStartToItsEndExactly(string kind)
    {
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            var from = round % 3 == 0 ? 0 : random.NextDouble() * 0.5;
            var (to, begin, frequency) = (from + random.NextDouble() * (0.99 - from), random.Next(20), 1 + random.Next(9));
            var end = begin + random.Next(60);
            var schedule = Create(kind, from, to, begin, end, frequency);
            Assert.Equal(end == begin ? to : from, schedule.At(begin));
            Assert.Equal((to, to, 0), (schedule.At(end), schedule.At(end + 100), begin == 0 ? 0 : schedule.At(begin - 1)));
            for (var step = begin; step <= end + 1; step++)
            {
                Assert.InRange(schedule.At(step), from, to);
                Assert.True(schedule.At(step + 1) >= schedule.At(step));
                Assert.True(schedule.IsDue(step) || schedule.At(step) == schedule.At(step - 1), "changes only where pruning is due");
            }
        }
    }

    [Theory]
    [InlineData("linear", 0.5)]
    [InlineData("cubic", 0.8 - 0.6 / 8)]
    [InlineData("exponential", 0.6)]
    public void At_HalfWayFrom20To80Percent_IsTheFormulas(string kind, double expected) =>
        Assert.Equal(expected, Create(kind, 0.2, 0.8, 10, 30, 1).At(20), 1e-12);

    [Fact]
    public void IsDue_EveryFourStepsFrom3To12_IncludesTheEnd()
    {
        var schedule = SparsitySchedule.Linear(0, 0.9, 3, 12, 4);
        Assert.Equal([3L, 7, 11, 12], Enumerable.Range(0, 30).Select(step => (long)step).Where(schedule.IsDue));
        Assert.Equal(schedule.At(7), schedule.At(10));
    }

    [Fact]
    public void Iterative_FourRoundsTo80Percent_TakesEqualParts()
    {
        var schedule = SparsitySchedule.Iterative(0.8, 4, begin: 100, recovery: 50);
        long[] due = [.. Enumerable.Range(0, 400).Select(step => (long)step).Where(schedule.IsDue)];
        Assert.Equal([100L, 150, 200, 250], due);
        Assert.Equal([0.2, 0.4, 0.6, 0.8], due.Select(step => Math.Round(schedule.At(step), 12)));
        Assert.Equal(0.8, schedule.At(250));
    }

    [Fact]
    public void OneShot_AtAStep_IsAllOrNothing()
    {
        var schedule = SparsitySchedule.OneShot(0.7, 5);
        Assert.Equal((0, 0.7, 0.7), (schedule.At(4), schedule.At(5), schedule.At(6)));
        Assert.Equal([5], Enumerable.Range(0, 20).Where(step => schedule.IsDue(step)));
    }

    /// <summary>Amounts of what remains compound; targets of a schedule do not.</summary>
    [Fact]
    public void Targets_FiveRounds_AreOfTheOriginalWeightsAndAmountsOfWhatRemains()
    {
        var repeated = Holder.Random(1, 100, 1000);
        for (var round = 0; round < 5; round++)
            Prune.L1Unstructured(repeated, "weight", 0.2);
        Assert.Equal(67_232, repeated.Mask.Count(value => value == 0)); // 1 - 0.8^5

        var (scheduled, schedule) = (Holder.Random(1, 100, 1000), SparsitySchedule.Iterative(0.2, 5, 0, 1));
        var weight = new LiveWeight(scheduled, "weight", scheduled.Weight, "weight");
        for (var step = 0; step < 5; step++)
            EntryPruning.To(schedule.At(step), [weight], new Magnitude().ScoreAll([new(weight)]));
        Assert.Equal(20_000, scheduled.Mask.Count(value => value == 0));
    }

    [Fact]
    public void Create_WhatIsNoSchedule_IsRefused()
    {
        Assert.Throws<PruningException>(() => SparsitySchedule.Linear(0.5, 0.4, 0, 10));
        Assert.Throws<PruningException>(() => SparsitySchedule.Cubic(0, 1.1, 0, 10));
        Assert.Throws<PruningException>(() => SparsitySchedule.Cubic(0, double.NaN, 0, 10));
        Assert.Throws<PruningException>(() => SparsitySchedule.Linear(0, 0.4, 10, 9));
        Assert.Throws<PruningException>(() => SparsitySchedule.Linear(0, 0.4, 0, 9, frequency: 0));
        Assert.Throws<PruningException>(() => SparsitySchedule.Iterative(0.4, 0, 0, 9));
        var error = Assert.Throws<PruningException>(() => SparsitySchedule.Exponential(0, 1, 0, 9));
        Assert.Contains("never reaches", error.Message, StringComparison.Ordinal);
    }

    private static SparsitySchedule Create(string kind, double from, double to, long begin, long end, long frequency) => kind switch
    {
        "linear" => SparsitySchedule.Linear(from, to, begin, end, frequency),
        "cubic" => SparsitySchedule.Cubic(from, to, begin, end, frequency),
        _ => SparsitySchedule.Exponential(from, to, begin, end, frequency),
    };
}
