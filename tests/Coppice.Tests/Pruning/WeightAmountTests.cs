using Coppice.Checkpoints;
using Coppice.Pruning;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning;

public sealed class WeightAmountTests
{
    private static readonly WeightSelection Weights = WeightSelector.Select(
        [.. new[] { "a.weight", "b.weight", "c.weight" }.Select(name => TensorSource.From(name, Tensor.From<float>([1, 2, 3, 4], [2, 2])))],
        ModelFacts.None, ["*"]);

    [Fact]
    public void Parse_GlobAndAmount_ReadsBothAndPrintsThemAgain()
    {
        var amount = WeightAmount.Parse("*.x=y.*=0.25");

        Assert.Equal(new WeightAmount("*.x=y.*", PruneAmount.Fraction(0.25)), amount);
        Assert.Equal("*.x=y.*=0.25", amount.ToString());
    }

    [Theory]
    [InlineData("0.5")]
    [InlineData("=0.5")]
    [InlineData("a=")]
    [InlineData("a=2.5")]
    public void Parse_Malformed_Throws(string text) => Assert.Throws<PruningException>(() => WeightAmount.Parse(text));

    [Fact]
    public void Prune_OwnAmounts_LastMatchCountsAndOthersGetTheAmount()
    {
        var half = new PruneRequest(new MagnitudePruning(), PruneAmount.Fraction(0.5));

        Assert.Equal([3, 1, 2], PrunedCounts(half with { OwnAmounts = Amounts("?.weight=0.5", "a*=3", "b*=0.25") }));
        Assert.Equal([4, 2, 2], PrunedCounts(half with { OwnAmounts = Amounts("a*=1.0") }));
    }

    [Fact]
    public void Prune_OwnAmountsAlone_KeepTheOtherWeightsWhole() =>
        Assert.Equal([0, 2, 0], PrunedCounts(new(new MagnitudePruning(), null) { OwnAmounts = Amounts("b.weight=0.5") }));

    [Fact]
    public void Prune_OwnAmountsOfChannels_Hold() =>
        Assert.Equal([2, 0, 0], PrunedCounts(new(new ChannelNormPruning(2, 0), null) { OwnAmounts = Amounts("a.weight=0.5") }));

    [Fact]
    public void Prune_OwnAmountsOfBlocks_Hold() =>
        Assert.Equal([2, 0, 0], PrunedCounts(new(new BlockPruning(2, 1, 1), null) { OwnAmounts = Amounts("a.weight=0.5") }));

    [Fact]
    public void AmountOfAll_OfEachWeightByItself_IsRefused()
    {
        var task = new PruneTask([], 0.5, PruneScope.PerTensor, PruneSemantics.Strict, 0);
        Assert.Throws<InvalidOperationException>(() => task.AmountOfAll);
        Assert.Equal(0.5, (task with { Scope = PruneScope.Global }).AmountOfAll);
    }

    [Fact]
    public void Plan_OwnAmounts_ComeBackFromJson()
    {
        var request = new PruneRequest(new MagnitudePruning(), null) { OwnAmounts = Amounts("a.weight=0.5", "*=1") };

        var json = PruningPlan.Create(Pruner.Prune(Weights, request), request, "coppice prune").ToJson();

        Assert.Equal(request.OwnAmounts, PruningPlan.Parse(json).ToRequest().OwnAmounts);
    }

    [Fact]
    public void Prune_GlobWithoutMatch_NamesTheNearest()
    {
        var request = new PruneRequest(new MagnitudePruning(), null) { OwnAmounts = Amounts("aa.weight=0.5") };

        var error = Assert.Throws<PruningException>(() => PrunedCounts(request));

        Assert.Contains("'a.weight'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_OwnAmountsWithGlobalScopeOrAPattern_AreRefused()
    {
        Assert.Throws<PruningException>(() =>
            new PruneRequest(new MagnitudePruning(), null) { Scope = PruneScope.Global, OwnAmounts = Amounts("a=0.5") }.Validate());
        Assert.Throws<PruningException>(() => new PruneRequest(new NmPruning(2, 4), null) { OwnAmounts = Amounts("a=0.5") }.Validate());
    }

    private static IEnumerable<long> PrunedCounts(PruneRequest request) =>
        Pruner.Prune(Weights, request).Weights.Select(weight => weight.Pruned);

    private static WeightAmount[] Amounts(params string[] texts) => [.. texts.Select(WeightAmount.Parse)];
}
