using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class LengthSortedBatchesTests
{
    [Fact]
    public void Batches_HandExample_AreLongestFirstAndStable()
    {
        var batches = new LengthSortedBatches([3, 9, 3, 5, 9], 2);
        Assert.Equal([[1, 4], [3, 0], [2]], batches.Select(b => b.ToArray()));
        Assert.Equal(["d", "a", "e", "c", "b"], batches.InOriginalOrder(["a", "b", "c", "d", "e"]));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(200, 1)]
    [InlineData(200, 7)]
    [InlineData(200, 200)]
    [InlineData(200, int.MaxValue)]
    public void Batches_RandomLengths_HoldEachExampleOnceAndRestoreTheirOrder(int examples, int batchSize)
    {
        var random = new Random(7);
        int[] lengths = [.. Enumerable.Range(0, examples).Select(_ => random.Next(1, 40))];
        var batches = new LengthSortedBatches(lengths, batchSize);
        int[] order = [.. batches.SelectMany(b => b.ToArray())];
        Assert.Equal(Enumerable.Range(0, examples), order.Order());
        Assert.All(batches.SkipLast(1), b => Assert.Equal(batchSize, b.Length));
        Assert.Equal(lengths.OrderDescending(), order.Select(i => lengths[i]));
        Assert.Equal(lengths, batches.InOriginalOrder([.. order.Select(i => lengths[i])]));
    }

    [Fact]
    public void Arguments_OutOfRange_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LengthSortedBatches([1], 0));
        var batches = new LengthSortedBatches([1, 2, 3], 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches[-1]);
        Assert.Throws<ArgumentException>(() => batches.InOriginalOrder([1, 2]));
    }
}
