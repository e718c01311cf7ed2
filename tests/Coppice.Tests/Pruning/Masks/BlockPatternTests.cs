using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class BlockPatternTests
{
    [Fact]
    public void Tiles_SmallestSumsGo()
    {
        var module = new Holder(Tensor.From<float>([1, 1, 5, 0, 1, 1, 0, 0, 2, 2, 3, -3, 2, 2, 3, -3], [4, 4]));
        new BlockPattern(2, 2, 0.5).Apply(module, "weight");
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], module.Mask);
        Prune.Remove(module, "weight");
        new BlockPattern(4, 1, 3).Apply(module, "weight");
        Assert.Equal([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1], module.Mask);
    }

    [Theory]
    [InlineData(4, 1, 0.5, 8, 6)]
    [InlineData(16, 1, 0.25, 32, 4)]
    [InlineData(1, 8, 0.5, 3, 16)]
    [InlineData(2, 9, 0.4, 8, 4, 3, 3)]
    public void AnyTile_IsWhollyKeptOrGoneByItsSum(int rows, int columns, double fraction, params int[] shape)
    {
        var module = Holder.Random(rows + columns, shape);
        new BlockPattern(rows, columns, fraction).Apply(module, "weight");
        var values = module.Weight.Data.ToArray<float>();
        var width = values.Length / shape[0];
        var tiles = Enumerable.Range(0, values.Length).GroupBy(i => (i / width / rows, i % width / columns)).ToList();
        var count = (int)Math.Round(fraction * tiles.Count);
        foreach (var (tile, rank) in tiles.OrderBy(tile => tile.Sum(i => (double)Math.Abs(values[i]))).Select((tile, rank) => (tile, rank)))
            Assert.All(tile, i => Assert.Equal(rank < count ? 0 : 1, module.Mask[i]));
    }

    [Fact]
    public void InputMajorWeight_TilesSpanOutputsAcrossColumns()
    {
        var values = Holder.RandomTensor(7, 8, 6);
        var (outputMajor, inputMajor) = (new Holder(values), new Holder(values.Transpose(0, 1).Contiguous()));
        new BlockPattern(4, 1, 5).Apply(outputMajor, "weight");
        new BlockPattern(4, 1, 5, axis: 0).Apply(inputMajor, "weight");
        Assert.Equal(outputMajor.Mask, inputMajor.Weight.Mask!.Transpose(0, 1).ToArray<float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => new BlockPattern(4, 1, 5, axis: 2));
    }

    [Fact]
    public void Repeat_TakesTheAmountOfRemainingTiles()
    {
        var module = Holder.Random(5, 8, 8);
        foreach (var left in (int[])[8, 4, 2, 1])
        {
            new BlockPattern(2, 2, 0.5).Apply(module, "weight");
            Assert.Equal(4 * left, module.Mask.Count(m => m == 1));
        }
        var error = Assert.Throws<PruningException>(() => new BlockPattern(2, 2, 2).Apply(module, "weight"));
        Assert.Contains("1 remaining 2x2 tiles", error.Message);
    }

    [Fact]
    public void TilesThatDoNotFill_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new BlockPattern(4, 1, 0.5).Apply(Holder.Random(1, 6, 6), "weight"));
        Assert.Contains("tiles of 4 x 1", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new BlockPattern(0, 1, 0.5));
    }
}
