using Coppice.Pruning;
using Coppice.Pruning.Dependency;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class GroupCriteriaTests
{
    [Fact]
    public void Names_AreTheFields()
    {
        Assert.Equal(
            ["l1", "l2", "bn", "fpgm", "lamp", "random", "activation", "wanda", "taylor", "taylor2", "fisher", "hessian", "slimming", "block-influence",
                "angular"], GroupCriteria.Names.Keys);
        Assert.Equal(Enum.GetValues<CutCriterion>(), GroupCriteria.Names.Values);
        Assert.Equal("taylor2", GroupCriteria.NameOf(CutCriterion.SecondOrderTaylor));
    }

    [Fact]
    public void Needs_InputsOrExamplesOrNothing() => Assert.All(Enum.GetValues<CutCriterion>(),
        criterion => Assert.False(GroupCriteria.NeedsInputs(criterion) && GroupCriteria.NeedsExamples(criterion)));

    [Theory]
    [InlineData(CutCriterion.Slimming, "slimming does not score")]
    [InlineData(CutCriterion.Angular, "angular does not score")]
    public void ImportanceOf_WhatScoresNoGroups_SaysSo(CutCriterion criterion, string says)
    {
        var sources = new CriterionSources(null!, [], () => throw new InvalidOperationException(), _ => throw new InvalidOperationException());
        Assert.Contains(says, Assert.Throws<PruningException>(() => GroupCriteria.ImportanceOf(criterion, sources)).Message, StringComparison.Ordinal);
        Assert.Equal(ScoreNormalizer.Lamp, GroupCriteria.ImportanceOf(CutCriterion.Lamp, sources).Normalizer);
    }
}
