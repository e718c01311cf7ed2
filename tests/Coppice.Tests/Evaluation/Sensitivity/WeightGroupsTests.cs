using Coppice.Evaluation.Sensitivity;
using Coppice.Models;
using Coppice.Pruning;

namespace Coppice.Tests.Evaluation.Sensitivity;

public sealed class WeightGroupsTests
{
    private static readonly WeightGroups Gpt2 =
        WeightGroups.Of(PretrainedModel.Open(TestData.InRepository("samples", "models", "gpt2-student")));

    [Fact]
    public void ByWeight_Gpt2_IsTheDefaultScope()
    {
        var groups = Gpt2.ByWeight();

        Assert.Equal(48, groups.Count);
        Assert.Equal("transformer.h.0.attn.c_attn.weight", groups[0].Name);
        Assert.Equal(128 * 384, groups[0].Elements);
    }

    [Fact]
    public void ByBlock_Gpt2_NamesGroupsByGlobsThatPickTheSameWeights()
    {
        var groups = Gpt2.ByBlock();

        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"transformer.h.{i}.*"), groups.Select(group => group.Name));
        var again = Gpt2.ByGlobs([.. groups.Select(group => group.Name)]);
        Assert.All(again.Zip(groups), pair => Assert.Equal(pair.First.Weights, pair.Second.Weights));
    }

    [Fact]
    public void ByGlobs_WeightOutsideTheScope_SaysWhyItIsOut()
    {
        var error = Assert.Throws<PruningException>(() => Gpt2.ByGlobs(["transformer.wte.weight"]));

        Assert.Contains("'transformer.wte.weight' is left out: an embedding", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ByGlobs_NoMatch_NamesTheNearest()
    {
        var error = Assert.Throws<PruningException>(() => Gpt2.ByGlobs(["*.h.3.mlp.c_fcc.weight"]));

        Assert.Contains("transformer.h.3.mlp.c_fc.weight", error.Message, StringComparison.Ordinal);
    }
}
