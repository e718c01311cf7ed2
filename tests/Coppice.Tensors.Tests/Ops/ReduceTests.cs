using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

public sealed class ReduceTests
{
    [Theory]
    [InlineData(new[] { 2 })]
    [InlineData(new[] { 0 })]
    [InlineData(new[] { 1 })]
    [InlineData(new[] { 0, 2 })]
    [InlineData(new[] { 2, 1, 0 })]
    [InlineData(new int[0])]
    public void Forward_AnyAxes_MatchesReference(int[] axes)
    {
        var x = Numbers.Random([4, 3, 17]);
        foreach (var kind in Enum.GetValues<Reduction>())
        {
            var y = x.Reduce(kind, axes);
            Assert.Equal(Shape.Create([.. x.Shape.Select((size, axis) => axes.Contains(axis) ? 1 : size)]), y.Shape);
            Numbers.Close(Reference(kind, x, axes), y.ToArray<float>(), 2e-6);
        }
    }

    [Fact]
    public void Forward_WholeNumbers_StayExact()
    {
        var x = Tensor.From<long>([1L << 60, 3, -5, 1], [2, 2]);
        Assert.Equal([(1L << 60) + 3, -4], x.Reduce(Reduction.Sum, 1).ToArray<long>());
        Assert.Equal([1L << 60, 3], x.Reduce(Reduction.Max, 0).ToArray<long>());
        Assert.Equal([-2], Tensor.From<int>([-5, 1], [2]).Reduce(Reduction.Mean, 0).ToArray<int>());
    }

    [Fact]
    public void Forward_NoNumbers_HasTheNeutralElement()
    {
        var x = Tensor.Empty([2, 0]);
        Assert.Equal([0, 0], x.Reduce(Reduction.Sum, 1).ToArray<float>());
        Assert.Equal([1, 1], x.Reduce(Reduction.Product, 1).ToArray<float>());
        Assert.Equal([float.NaN, float.NaN], x.Reduce(Reduction.Mean, 1).ToArray<float>());
        Assert.Equal([float.NegativeInfinity, float.NegativeInfinity], x.Reduce(Reduction.LogSumExp, 1).ToArray<float>());
        Assert.Contains("there is no Max of no numbers", Assert.Throws<OpException>(() => x.Reduce(Reduction.Max, 1)).Message);
    }

    [Fact]
    public void Infer_WrongAxes_NamesThem() =>
        Assert.Equal("Reduce(F32 [2]): [0, 0] are not axes of it, each once.",
            Assert.Throws<OpException>(() => Tensor.Zeros([2]).Reduce(Reduction.Sum, 0, 0)).Message);

    private static double[] Reference(Reduction kind, Tensor x, int[] axes)
    {
        var values = x.ToArray<float>();
        var groups = Enumerable.Range(0, values.Length).GroupBy(i =>
        {
            int[] at = [i / 51, i / 17 % 3, i % 17];
            return string.Join(',', at.Select((index, axis) => axes.Contains(axis) ? 0 : index));
        }, i => (double)values[i]);
        return [.. groups.Select(group => kind switch
        {
            Reduction.Sum => group.Sum(),
            Reduction.Mean => group.Average(),
            Reduction.Max => group.Max(),
            Reduction.Min => group.Min(),
            Reduction.Product => group.Aggregate(1.0, (a, b) => a * b),
            _ => Math.Log(group.Sum(Math.Exp)),
        })];
    }
}
