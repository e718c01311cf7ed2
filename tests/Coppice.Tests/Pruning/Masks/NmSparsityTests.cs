using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class NmSparsityTests
{
    [Fact]
    public void TwoOfFour_KeepsTheTwoLargestOfEachGroupAlongTheRows()
    {
        var module = new Holder(Tensor.From<float>([1, -4, 3, 2, 0, 0, 0, 0, 5, 5, 5, 5, -1, 9, -8, 7], [2, 8]));
        new NmSparsity(2, 4).Apply(module, "weight");
        Assert.Equal([0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0], module.Mask);
    }

    [Theory]
    [InlineData(2, 4, 1, 6, 16)]
    [InlineData(4, 8, 1, 6, 16)]
    [InlineData(1, 3, 1, 5, 9)]
    [InlineData(2, 4, 0, 16, 6)]
    [InlineData(5, 7, 0, 14, 5)]
    [InlineData(2, 4, 1, 3, 4, 3, 3)]
    public void AnyPattern_KeepsTheLargestNOfEveryMAlongTheAxis(int n, int m, int axis, params int[] shape)
    {
        var module = Holder.Random(n * 10 + m, shape);
        new NmSparsity(n, m, axis).Apply(module, "weight");
        var values = module.Weight.Data.ToArray<float>();
        var columns = values.Length / shape[0];
        var groups = Enumerable.Range(0, values.Length)
            .GroupBy(i => axis == 1 ? (i / columns, i % columns / m) : (i / columns / m, i % columns));
        foreach (var group in groups)
        {
            var kept = group.OrderByDescending(i => Math.Abs(values[i])).Take(n).ToHashSet();
            Assert.All(group, i => Assert.Equal(kept.Contains(i) ? 1 : 0, module.Mask[i]));
        }
    }

    [Fact]
    public void Twice_IsTheSameAsOnce()
    {
        var module = Holder.Random(3, 8, 8);
        new NmSparsity(2, 4).Apply(module, "weight");
        var once = module.Mask;
        new NmSparsity(2, 4).Apply(module, "weight");
        Assert.Equal(once, module.Mask);
    }

    [Fact]
    public void AfterOtherPruning_CountsWhatIsPrunedAlready()
    {
        var module = new Holder(Tensor.From<float>([9, 8, 7, 6], [1, 4]));
        Prune.CustomFromMask(module, "weight", Tensor.From<float>([0, 1, 1, 1], [1, 4]));
        new NmSparsity(2, 4).Apply(module, "weight");
        Assert.Equal([0, 1, 1, 0], module.Mask);
    }

    [Fact]
    public void NoElements_PrunesNothing()
    {
        var module = new Holder(Tensor.Zeros([0, 3]));
        new NmSparsity(1, 64, 0).Apply(module, "weight");
        Assert.Empty(module.Mask);
    }

    [Fact]
    public void AxisNotAMultiple_IsRefused()
    {
        var module = Holder.Random(1, 4, 3, 3);
        Assert.Contains("4 x 9", Assert.Throws<ArgumentException>(() => new NmSparsity(2, 4).Apply(module, "weight")).Message);
        Assert.Contains("[3]", Assert.Throws<ArgumentException>(() => new NmSparsity(2, 4).Apply(Holder.Random(1, 3), "weight")).Message);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(4, 4)]
    [InlineData(2, 65)]
    public void NoSuchPattern_IsRefused(int n, int m) => Assert.Throws<PruningException>(() => new NmSparsity(n, m));

    [Fact]
    public void NoSuchAxis_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new NmSparsity(2, 4, 2));
}
