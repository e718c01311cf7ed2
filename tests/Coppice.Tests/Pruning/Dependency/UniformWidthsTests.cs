using Coppice.Graphs;
using Coppice.Models;
using Coppice.Pruning.Dependency;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class UniformWidthsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void Choose_GloballyButAlike_LeavesLayersAlike(int multiple)
    {
        var traced = TracedModel.Of(PretrainedModel.Open(TestData.InRepository("samples", "models", "gpt2-student")), steps: 5);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var importance = new GroupImportance(new GroupMagnitude(1));
        var neurons = dependencies.Groups.Where(group => group is { Kind: GroupKind.Neuron, Size: 512 }).ToList();
        var options = new GroupPruning { Ratio = 0.4, Scope = GroupScope.Global, Kinds = [GroupKind.Neuron], Include = ["*.mlp.*"], RoundTo = multiple };
        var choice = options.Choose(dependencies, importance);
        var level = (options with { KeepsAlike = true }).Choose(dependencies, importance);
        Assert.True(neurons.Select(group => choice.KeptOf(group).Length).Distinct().Count() > 1);
        var mean = neurons.Sum(group => choice.KeptOf(group).Length) / neurons.Count;
        Assert.All(neurons, group => Assert.Equal(mean / multiple * multiple, level.KeptOf(group).Length));
        var scores = importance.Score(neurons[3])!;
        var kept = level.KeptOf(neurons[3]);
        Assert.True(kept.Min(index => scores[index]) >= Enumerable.Range(0, 512).Except(kept).Max(index => scores[index]));
        Assert.All(dependencies.Groups.Where(group => group.Kind == GroupKind.Head), group => Assert.Equal(group.Size, level.KeptOf(group).Length));
    }

    [Fact]
    public void Choose_Alike_ScoresEachMemberOnce()
    {
        var traced = TracedModel.Of(PretrainedModel.Open(TestData.InRepository("samples", "models", "gpt2-student")), steps: 5);
        var (dependencies, counted) = (DependencyGraph.Of(traced.Graph), new Counted());
        var options = new GroupPruning { Ratio = 0.5, Kinds = [GroupKind.Neuron] }.Within(["*.mlp.*"]);
        Assert.True(options.KeepsAlike);
        options.Choose(dependencies, new(counted));
        Assert.NotEmpty(counted.Seen);
        Assert.Equal(counted.Seen.Distinct(), counted.Seen);
    }

    [Fact]
    public void Within_AFormatsScope_IsTheScopeUnlessAnotherIsGiven()
    {
        string[] scope = ["*.mlp.*"];
        Assert.Equal(scope, new GroupPruning().Within(scope).Include);
        Assert.False(new GroupPruning().Within(scope, keepsAlike: false).KeepsAlike);
        Assert.False(new GroupPruning().Within([]).KeepsAlike);
        foreach (var own in new GroupPruning[] { new() { Include = ["a"] }, new() { Exclude = ["a"] }, new() { OwnRatios = [new("a", 0.5)] } })
            Assert.False(own.Within(scope).KeepsAlike);
        Assert.Equal(["a"], new GroupPruning { Include = ["a"] }.Within(scope).Include);
    }

    private sealed class Counted : GroupCriterion
    {
        public List<GroupMember> Seen { get; } = [];

        public override double[]? Score(PruningGroup group, GroupMember member)
        {
            Seen.Add(member);
            return new double[group.Size];
        }
    }
}
