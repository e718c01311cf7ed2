using Coppice.Modules;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;

namespace Coppice.Tests.Pruning.Callbacks;

public sealed class GrowingRegularizationTests
{
    [Fact]
    public void Run_DrivesWhatWasChosenToZero_AndLeavesTheRest()
    {
        var model = SmallNet.Create();
        var (dependencies, growing) = Growing(model);
        SmallNet.Trainer(model, 60, callbacks: growing).Run();
        foreach (var group in dependencies.Groups)
        {
            var (norms, kept) = (new GroupEntries(group).Squares(), growing.Removal.KeptOf(group));
            Assert.Equal(group.Size / 2, kept.Length);
            Assert.True(norms.Index().Where(norm => !kept.Contains(norm.Index)).Max(norm => norm.Item) < 0.05 * kept.Min(index => norms[index]));
        }
    }

    [Fact]
    public void LoadState_OfARunThatWasKilled_KeepsItsChoice()
    {
        var model = SmallNet.Create();
        var (dependencies, first) = Growing(model);
        SmallNet.Trainer(model, 1, callbacks: first).Run();
        var other = SmallNet.Create(seed: 2);
        var (same, second) = Growing(other);
        second.LoadState(first.State().ToDictionary(entry => entry.Name, entry => entry.Value));
        SmallNet.Trainer(other, 1, callbacks: second).Run();
        Assert.Equal(dependencies.Groups.Select(group => first.Removal.KeptOf(group)), same.Groups.Select(group => second.Removal.KeptOf(group)));
    }

    private static (DependencyGraph Dependencies, GrowingRegularization Callback) Growing(Sequential model)
    {
        var dependencies = GroupLassoTests.Dependencies(model);
        return (dependencies, new(dependencies, () => new GroupPruning { Ratio = 0.5 }.Choose(dependencies, new(new GroupMagnitude())))
        {
            Growth = 0.5,
            Every = 5,
            Most = 5,
        });
    }
}
