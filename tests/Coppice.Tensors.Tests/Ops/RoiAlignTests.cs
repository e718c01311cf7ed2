using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

public sealed class RoiAlignTests
{
    private static readonly Tensor Ramp = Tensor.From<float>([.. Enumerable.Range(0, 32).Select(i => (float)i)], [1, 2, 4, 4]);

    [Fact]
    public void Apply_WholeImage_IsTheMeansOfItsQuarters()
    {
        var y = Align(new(2, 2, 2, 1, true), [0, 0, 4, 4]);
        Assert.Equal<Shape>([1, 2, 2, 2], y.Shape);
        Assert.Equal([2.5f, 4.5f, 10.5f, 12.5f, 18.5f, 20.5f, 26.5f, 28.5f], y.ToArray<float>());
    }

    [Fact]
    public void Apply_ScaledCorners_ReadBetweenPixels()
    {
        Assert.Equal([7.5f, 23.5f], Align(new(1, 1, 1, 0.5f, true), [2, 2, 6, 6]).ToArray<float>());
        Assert.Equal([5f, 21f], Align(new(1, 1, 1, 1, false), [0.5f, 0.5f, 1.5f, 1.5f]).ToArray<float>());
    }

    /// <summary>Of four pixels around the centre, each times a quarter.</summary>
    [Fact]
    public void Apply_Maximum_IsTheLargestWeightedPixel()
    {
        Assert.Equal([2.5f, 6.5f], Align(new(1, 1, 1, 1, true, Maximum: true), [0, 0, 4, 4]).ToArray<float>());
        Assert.Equal([10f, 26f], Align(new(1, 1, 1, 1, true, Maximum: true), [2, 2, 3, 3]).ToArray<float>());
    }

    [Fact]
    public void Apply_RegionOutside_IsZero() => Assert.Equal([0f, 0f], Align(new(1, 1, 2, 1, true), [50, 50, 60, 60]).ToArray<float>());

    [Fact]
    public void Apply_ImageThatIsNotThere_IsNamed()
    {
        var error = Assert.Throws<OpException>(() =>
            Op.Apply(new RoiAlign(1, 1, 1, 1, true), [Ramp, Tensor.From<float>([0, 0, 1, 1], [1, 4]), Tensor.From<long>([7], [1])]));
        Assert.Contains("image 7", error.Message, StringComparison.Ordinal);
    }

    private static Tensor Align(RoiAlign op, float[] corners) =>
        Op.Apply(op, [Ramp, Tensor.From<float>(corners, [1, 4]), Tensor.From<long>([0], [1])])[0];
}
