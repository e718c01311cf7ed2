using Coppice.Pruning;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Masks;

namespace Coppice.Tests.Pruning.Criteria;

public sealed class EntryPruningTests
{
    [Theory]
    [InlineData(PruneScope.Global)]
    [InlineData(PruneScope.PerTensor)]
    public void To_RisingTargets_MasksExactlyTheRoundedCountAndNothingComesBack(PruneScope scope)
    {
        var random = new Random(4);
        for (var round = 0; round < 30; round++)
        {
            var weights = Enumerable.Range(0, 3)
                .Select(i => Weight(Holder.Random(i + 10 * round, 1 + random.Next(9), 1 + random.Next(9)), $"{i}")).ToList();
            var before = weights.ConvertAll(_ => (float[]?)null);
            foreach (var target in Enumerable.Range(0, 5).Select(_ => random.NextDouble()).Order())
            {
                var scores = weights.ConvertAll(weight => Holder.RandomTensor(random.Next(), [.. weight.Parameter.Shape.Dims]));
                EntryPruning.To(target, weights, scores, scope);
                long[] counts = [.. weights.Select(weight => weight.Count)];
                var expected = scope == PruneScope.Global ? Rounded(target * counts.Sum()) : counts.Sum(count => Rounded(target * count));
                Assert.Equal(expected, weights.Sum(Masked));
                for (var i = 0; i < weights.Count; i++)
                {
                    var mask = weights[i].Parameter.Mask?.ToArray<float>();
                    Assert.True(before[i] is null || before[i]!.Zip(mask!).All(pair => pair.Second <= pair.First));
                    before[i] = mask;
                }
            }
            var masked = weights.Sum(Masked);
            EntryPruning.To(0, weights, [.. weights.Select(weight => weight.Parameter.Value)], scope);
            Assert.Equal(masked, weights.Sum(Masked));
        }
    }

    [Fact]
    public void To_SignedScores_TakesTheMostNegativeAndOfEqualOnesTheFirst()
    {
        var holder = new Holder(Tensor.Full([6], 1));
        var scores = Tensor.From<float>([1, -5, 0, -0f, -2, float.NegativeInfinity], [6]);
        EntryPruning.To(2 / 6.0, [Weight(holder, "w")], [scores]);
        Assert.Equal([1, 0, 1, 1, 1, 0], holder.Mask);
        EntryPruning.To(4 / 6.0, [Weight(holder, "w")], [scores]);
        Assert.Equal([1, 0, 0, 1, 0, 0], holder.Mask);
    }

    /// <summary>Enough scores for the fast path of the selection.</summary>
    [Fact]
    public void To_ManySignedScores_IsAFullSort()
    {
        var holder = new Holder(Tensor.Full([1_200_000], 1));
        var random = new RandomSource(1);
        var scores = Tensor.Empty([1_200_000]);
        foreach (ref var score in scores.AsSpan<float>())
            score = random.NextSingle() - 0.7f;
        EntryPruning.To(0.9, [Weight(holder, "w")], [scores]);
        var values = scores.ToArray<float>();
        var limit = values.Order().ElementAt(1_080_000);
        Assert.Equal(1_080_000, holder.Mask.Count(value => value == 0));
        Assert.DoesNotContain(false, values.Zip(holder.Mask, (value, kept) => value == limit || value > limit == (kept == 1)));
    }

    private static long Rounded(double count) => (long)Math.Round(count, MidpointRounding.ToEven);

    private static long Masked(LiveWeight weight) => weight.Parameter.Mask?.ToArray<float>().Count(value => value == 0) ?? 0;

    private static LiveWeight Weight(Holder holder, string name) => new(holder, "weight", holder.Weight, name);
}
