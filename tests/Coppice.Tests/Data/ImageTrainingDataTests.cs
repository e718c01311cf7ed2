using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class ImageTrainingDataTests
{
    private static readonly DataLoaderOptions Options = new() { BatchSize = 3, Shuffle = false };

    [Fact]
    public void Load_NormalisesByChannel()
    {
        using var batch = TestImages.ForTraining().Load([2, 0]);
        Assert.Equal([2, 2, 3, 3], batch.Images.Shape.Dims);
        Assert.Equal([2, 0], batch.Targets.ToArray<long>());
        var values = batch.Images.ToArray<float>();
        Assert.Equal((37 / 255f - 0.5f) / 0.5f, values[1]);
        Assert.Equal((1 / 255f - 0.5f) / 0.5f, values[18 + 1]);
        Assert.Equal((9 / 255f - 0.25f) / 2, values[18 + 9]);
    }

    [Fact]
    public void Load_FlipAlone_TurnsRowsOrLeavesThem()
    {
        var plain = new DataLoader(TestImages.ForTraining(), Options).InOrder().Images();
        var flipping = new DataLoader(TestImages.ForTraining(new(Padding: 0)), Options);
        var flips = 0;
        for (var epoch = 0; epoch < 20; epoch++)
            foreach (var (image, seen) in plain.Zip(flipping.Batches(epoch).Images()))
            {
                var turned = Flip(image);
                Assert.True(seen.SequenceEqual(image) || seen.SequenceEqual(turned));
                flips += seen.SequenceEqual(turned) ? 1 : 0;
            }
        Assert.InRange(flips, 46, 94); // 70 of 140, four standard deviations of 6
    }

    [Fact]
    public void Load_Padding_CutsEveryPlaceOutOfAFrameOfZeros()
    {
        var plain = new DataLoader(TestImages.ForTraining(), Options).InOrder().Images()[0];
        string[] expected = [.. from down in Enumerable.Range(-2, 5)
                                from right in Enumerable.Range(-2, 5)
                                select string.Join(' ', Cut(plain, down, right))];
        var cutting = new DataLoader(TestImages.ForTraining(new(Padding: 2, Flip: false)).Take(1), Options);
        Assert.Equal(expected.Order(), Enumerable.Range(0, 400)
            .Select(epoch => string.Join(' ', cutting.Batches(epoch).Images()[0])).Distinct().Order());
    }

    [Fact]
    public void Load_WithoutEpoch_IsNotAugmented()
    {
        using var plain = TestImages.ForTraining().Load([0, 1, 2, 3, 4, 5, 6]);
        using var batch = TestImages.ForTraining(new(Padding: 3)).Load([0, 1, 2, 3, 4, 5, 6]);
        Assert.Equal(plain.Images.ToArray<float>(), batch.Images.ToArray<float>());
    }

    [Fact]
    public void Constructor_WrongArgument_SaysSo()
    {
        Assert.Contains("2 channels",
            Assert.Throws<ArgumentException>(() => new ImageTrainingData(TestImages.Data, [0], [1])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => TestImages.ForTraining(new(Padding: -1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => TestImages.ForTraining(new(Padding: 4)));
    }

    private static float[] Flip(float[] image) => [.. image.Chunk(3).SelectMany(row => row.Reverse())];

    private static IEnumerable<float> Cut(float[] image, int down, int right) =>
        from channel in Enumerable.Range(0, 2)
        from y in Enumerable.Range(down, 3)
        from x in Enumerable.Range(right, 3)
        select y is >= 0 and < 3 && x is >= 0 and < 3 ? image[channel * 9 + y * 3 + x] : 0;
}
