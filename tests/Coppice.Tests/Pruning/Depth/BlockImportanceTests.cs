using Coppice.Models;
using Coppice.Pruning;
using Coppice.Pruning.Depth;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Depth;

public sealed class BlockImportanceTests
{
    [Fact]
    public void Influence_OfABlockThatAddsNothing_IsZero()
    {
        var model = Gpt2();
        Silence(model, 1);
        var scores = BlockImportance.Influence(model, [Ids(2, 7), Ids(1, 5, seed: 3)]);
        Assert.Equal(2, scores.Length);
        Assert.Equal(0, scores[1], 1e-5);
        Assert.True(scores[0] > 1e-3);
    }

    [Fact]
    public void AngularDistance_OverOneAndTwoBlocks_AgreeWhereTheSecondAddsNothing()
    {
        var model = Llama();
        Silence(model, 1);
        var (one, two) = (BlockImportance.AngularDistance(model, [Ids(3, 7)], 1), BlockImportance.AngularDistance(model, [Ids(3, 7)], 2));
        Assert.Equal(0, one[1], 1e-3);
        Assert.Equal(one[0], Assert.Single(two), 1e-6);
        Assert.InRange(one[0], 1e-3, 1);
    }

    [Fact]
    public void Influence_IsOneMinusTheMeanCosine()
    {
        IBlockModel model = Bert();
        var ids = Ids(1, 6);
        var (x, y) = (model.Embed(ids), model.RunBlock(0, model.Embed(ids), mask: null));
        double[] cosines = [.. x.ToArray<float>().Chunk(12).Zip(y.ToArray<float>().Chunk(12), (a, b) => Dot(a, b) / Math.Sqrt(Dot(a, a) * Dot(b, b)))];
        Assert.Equal(1 - cosines.Average(), BlockImportance.Influence(model, [ids])[0], 1e-5);

        static double Dot(float[] a, float[] b) => a.Zip(b, (p, q) => (double)p * q).Sum();
    }

    [Fact]
    public void LowestOf_EqualScores_TakesTheFirst() => Assert.Equal([1, 4], BlockImportance.LowestOf([0.5, 0.1, 0.3, 0.2, 0.1, 0.1], 2));

    [Fact]
    public void Influence_WithoutTokens_SaysSo() =>
        Assert.Contains("no calibration tokens", Assert.Throws<PruningException>(() => BlockImportance.Influence(Gpt2(), [])).Message,
            StringComparison.Ordinal);

    /// <summary>Makes what a block adds to its input zero.</summary>
    private static void Silence(IBlockModel model, int block)
    {
        foreach (var (name, parameter) in model.Blocks[block].NamedParameters())
            if (name.Contains("_proj", StringComparison.Ordinal))
                parameter.Data.AsSpan<float>().Clear();
    }
}
