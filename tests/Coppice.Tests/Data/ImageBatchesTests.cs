using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class ImageBatchesTests
{
    private static readonly ImageData Data = new(
        [.. Enumerable.Range(0, 7 * 2 * 3 * 3).Select(i => (byte)(i % 251))], [0, 1, 2, 0, 1, 2, 0], ["a", "b", "c"], 2, 3, 3);

    private static readonly ImageBatches Batches = new(Data, 3, [0.5f, 0.25f], [0.5f, 2]);

    [Fact]
    public void InOrder_NormalisesByChannel()
    {
        var (images, labels) = Batches.InOrder().First();
        Assert.Equal([0, 1, 2], labels);
        var values = images.ToArray<float>();
        Assert.Equal((1 / 255f - 0.5f) / 0.5f, values[1]);
        Assert.Equal((9 / 255f - 0.25f) / 2, values[9]);
        Assert.Equal([3, 3, 1], Batches.InOrder().Select(batch => batch.Labels.Length));
    }

    [Fact]
    public void Shuffled_SameSeedAndEpoch_GivesTheSameBatches()
    {
        Assert.Equal(Epoch(1, 0), Epoch(1, 0));
        Assert.NotEqual(Epoch(1, 0), Epoch(1, 1));
        Assert.NotEqual(Epoch(1, 0), Epoch(2, 0));
    }

    [Fact]
    public void Shuffled_WithoutAugmentation_HoldsEachImageOnce() => Assert.Equal(
        Batches.InOrder().SelectMany(batch => batch.Images.ToArray<float>()).Order(),
        Batches.Shuffled(5, 2).SelectMany(batch => batch.Images.ToArray<float>()).Order());

    [Fact]
    public void Shuffled_FlipAlone_TurnsRowsOrLeavesThem()
    {
        var plain = Batches.InOrder().SelectMany(batch => batch.Images.ToArray<float>().Chunk(18)).ToArray();
        var turned = plain.Select(image => image.Chunk(3).SelectMany(row => row.Reverse()).ToArray()).ToArray();
        var seen = Enumerable.Range(0, 4).SelectMany(epoch => Batches.Shuffled(1, epoch, new(0)))
            .SelectMany(batch => batch.Images.ToArray<float>().Chunk(18)).ToArray();
        Assert.All(seen, image => Assert.Contains(plain.Concat(turned), other => other.SequenceEqual(image)));
        Assert.Contains(seen, image => turned.Any(other => other.SequenceEqual(image)));
    }

    [Fact]
    public void Constructor_WrongChannels_SaysSo() =>
        Assert.Contains("2 channels", Assert.Throws<ArgumentException>(() => new ImageBatches(Data, 3, [0], [1])).Message,
            StringComparison.Ordinal);

    private static float[] Epoch(int seed, int epoch) =>
        [.. Batches.Shuffled(seed, epoch, new ImageAugmentation(1)).SelectMany(batch => batch.Images.ToArray<float>())];
}
