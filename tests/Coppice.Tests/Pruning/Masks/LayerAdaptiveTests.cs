using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class LayerAdaptiveTests
{
    [Fact]
    public void LampScores_AreSquaresOverSquaresAtLeastAsLarge()
    {
        var scores = LampScores.Compute(Tensor.From<float>([3, -1, 2, 0], [2, 2])).ToArray<float>();
        Assert.Equal([1f, 1f / 14, 4f / 13, 0f], scores);
    }

    [Fact]
    public void LampScores_OfZerosAndInfinity_AreNotNaN()
    {
        Assert.Equal([0, 0], LampScores.Compute(Tensor.From<float>([0, -0f], [2])).ToArray<float>());
        var infinite = LampScores.Compute(Tensor.From<float>([1, float.NegativeInfinity, 2], [3])).ToArray<float>();
        Assert.Equal([0.2f, float.PositiveInfinity, 1], infinite);
    }

    [Fact]
    public void Lamp_PrunesByScoreAcrossLayers()
    {
        var (small, large) = (new Holder(Tensor.From<float>([0.1f, 0.2f], [2])), new Holder(Tensor.From<float>([5, 6, 7, 8], [4])));
        Prune.Lamp([(small, "weight"), (large, "weight")], 3);
        // Scores 0.2, 1 and 25/174, 36/149, 49/113, 1: plain magnitude would have emptied the first layer.
        Assert.Equal([0, 1], small.Mask);
        Assert.Equal([0, 0, 1, 1], large.Mask);
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.9)]
    public void Lamp_Twice_PrunesExactCountsAndNeverEmptiesALayer(double amount)
    {
        var modules = Enumerable.Range(1, 4).Select(i => Holder.Random(i, 10 * i, 6)).ToList();
        var parameters = modules.ConvertAll(m => ((Module)m, "weight"));
        Prune.Lamp(parameters, amount);
        var left = 600 - (int)Math.Round(600 * amount);
        Assert.Equal(left, modules.Sum(m => m.Mask.Count(v => v == 1)));
        Prune.Lamp(parameters, amount);
        Assert.Equal(left - (int)Math.Round(left * amount), modules.Sum(m => m.Mask.Count(v => v == 1)));
        Assert.All(modules, m => Assert.Contains(1f, m.Mask));
    }

    [Fact]
    public void ErkDistribution_IsInProportionToTheSumsOfAxisSizes()
    {
        // Sums 20, 200 and 22: the last is full at 16, so 224 are shared as 1 : 10.
        var keep = ErkDistribution.Keep([([10, 10], 100), ([100, 100], 10_000), ([4, 4, 7, 7], 16)], 236);
        Assert.Equal([20, 200, 16], keep);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(777)]
    [InlineData(1299)]
    [InlineData(1300)]
    public void ErkDistribution_AnyTotal_IsExactAndWithinWhatLayersHave(long keep)
    {
        (Shape, long)[] layers = [([10, 10], 100), ([64, 16], 1000), ([200], 200), ([0, 5], 0)];
        var kept = ErkDistribution.Keep(layers, keep);
        Assert.Equal(keep, kept.Sum());
        Assert.All(kept.Zip(layers), pair => Assert.InRange(pair.First, 0, pair.Second.Item2));
    }

    [Fact]
    public void ErkDistribution_OutOfRange_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ErkDistribution.Keep([([2, 2], 4)], 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => ErkDistribution.Keep([([2, 2], 4)], -1));
    }

    [Fact]
    public void Erk_WideLayersGetSparserAndMagnitudesDecideWithin()
    {
        var (narrow, wide) = (Holder.Random(1, 8, 8), Holder.Random(2, 64, 64));
        Prune.Erk([(narrow, "weight"), (wide, "weight")], 0.9);
        // 416 of 4160 stay, as 16 : 128.
        Assert.Equal([46, 370], new[] { narrow, wide }.Select(m => m.Mask.Count(v => v == 1)));
        var alone = Holder.Random(2, 64, 64);
        Prune.L1Unstructured(alone, "weight", 4096 - 370);
        Assert.Equal(alone.Mask, wide.Mask);
    }

    [Fact]
    public void LayerAdaptive_OneBadLayer_ChangesNone()
    {
        var (good, bad) = (Holder.Random(1, 4, 4), new Holder(Tensor.Full([2, 2], float.NaN)));
        (Module, string)[] parameters = [(good, "weight"), (bad, "weight")];
        Assert.Throws<PruningException>(() => Prune.Lamp(parameters, 0.5));
        Assert.Throws<PruningException>(() => Prune.Erk(parameters, 0.5));
        Assert.Throws<PruningException>(() => Prune.Erk(parameters, 21));
        Assert.False(Prune.IsPruned(good));
    }
}
