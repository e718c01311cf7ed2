using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class TrainingDataTests
{
    private static readonly ImageTrainingData Whole = TestImages.ForTraining(new(Padding: 1));

    [Fact]
    public void Slice_OfASlice_LoadsTheWholesExamples()
    {
        var part = Whole.Slice(2, 4).Slice(1, 2);
        Assert.Equal(2, part.Count);
        Assert.Equal(Load(Whole, 4, 3), Load(part, 1, 0));
    }

    [Fact]
    public void Slice_Augmented_IsAsInTheWhole()
    {
        using var part = (ImageBatch)Whole.Slice(3, 2).Load([1], new EpochSeed(1, 2));
        using var whole = Whole.Load([4], new EpochSeed(1, 2));
        Assert.Equal(whole.Images.ToArray<float>(), part.Images.ToArray<float>());
    }

    [Fact]
    public void Take_MoreThanThereIs_GivesAll()
    {
        Assert.Equal(3, Whole.Take(3).Count);
        Assert.Equal(7, Whole.Take(100).Count);
    }

    [Theory]
    [InlineData(0.3, 2)]
    [InlineData(0.01, 1)]
    [InlineData(0.999, 6)]
    public void HoldOutFraction_SetsTheLastApart(double fraction, int heldOut)
    {
        var (training, validation) = Whole.HoldOutFraction(fraction);
        Assert.Equal((7 - heldOut, heldOut), (training.Count, validation.Count));
        Assert.Equal(Load(Whole, 6), Load(validation, heldOut - 1));
        Assert.Equal(Load(Whole, 0), Load(training, 0));
    }

    [Fact]
    public void HoldOut_Count_SetsTheLastApart()
    {
        var (training, validation) = Whole.HoldOut(3);
        Assert.Equal((4, 3), (training.Count, validation.Count));
        Assert.Equal(Load(Whole, 4, 5, 6), Load(validation, 0, 1, 2));
    }

    [Fact]
    public void HoldOut_OutOfRange_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.HoldOut(0));
        Assert.Contains("1 to 6", Assert.Throws<ArgumentOutOfRangeException>(() => Whole.HoldOut(7)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.HoldOutFraction(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.HoldOutFraction(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.Take(1).HoldOutFraction(0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.Take(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.Slice(5, 3));
    }

    [Fact]
    public void Load_BeyondThePart_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.Slice(0, 3).Load([3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Whole.Slice(2, 3).Load([-1]));
    }

    private static float[] Load(TrainingData data, params int[] examples)
    {
        using var batch = (ImageBatch)data.Load(examples);
        return batch.Images.ToArray<float>();
    }
}
