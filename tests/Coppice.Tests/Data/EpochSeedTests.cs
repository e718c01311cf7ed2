using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class EpochSeedTests
{
    [Fact]
    public void Order_HoldsEveryNumberOnce() => Assert.Equal(Enumerable.Range(0, 1000), new EpochSeed(3, 1).Order(1000).Order());

    [Fact]
    public void Order_OtherSeedOrEpoch_IsAnother()
    {
        EpochSeed[] seeds = [new(1, 0), new(1, 1), new(0, 1), new(2, 0), new(1 + (1L << 32), 0), new(-1, 0)];
        Assert.Equal(seeds.Length, seeds.Select(seed => string.Join(' ', seed.Order(50))).Distinct().Count());
    }

    [Fact]
    public void Order_EveryPlace_IsEquallyLikely()
    {
        var first = Enumerable.Range(0, 6000).Select(epoch => new EpochSeed(7, epoch).Order(6)[0]).CountBy(number => number).ToArray();
        Assert.All(first, entry => Assert.InRange(entry.Value, 880, 1120)); // 1000, four standard deviations of 29
    }

    // A run resumed with a later version must go on as it began. Computed with NumPy's MT19937.
    [Fact]
    public void Draws_NeverChange()
    {
        Assert.Equal([7, 1, 9, 4, 8, 3, 5, 6, 2, 0], new EpochSeed(42, 7).Order(10));
        Assert.Equal(2359948751, new EpochSeed(42, 7).ForExample(3).NextUInt32());
    }

    [Fact]
    public void ForExample_DependsOnSeedEpochAndExample()
    {
        Assert.Equal(new EpochSeed(1, 2).ForExample(3).NextUInt32(), new EpochSeed(1, 2).ForExample(3).NextUInt32());
        uint[] draws = [Draw(1, 2, 3), Draw(0, 2, 3), Draw(1, 0, 3), Draw(1, 2, 0), Draw(3, 2, 1), Draw(2, 1, 3), Draw(1, 3, 2)];
        Assert.Equal(draws.Length, draws.Distinct().Count());

        static uint Draw(long seed, int epoch, int example) => new EpochSeed(seed, epoch).ForExample(example).NextUInt32();
    }
}
