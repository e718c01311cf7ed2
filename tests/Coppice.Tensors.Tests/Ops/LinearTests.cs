using Coppice.Tensors.Kernels;
using Coppice.Tensors.Ops;
using static Coppice.Tensors.Tests.Ops.MatMulTests;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class LinearTests
{
    [Theory]
    [InlineData(WeightLayout.OutIn, true)]
    [InlineData(WeightLayout.OutIn, false)]
    [InlineData(WeightLayout.InOut, true)]
    [InlineData(WeightLayout.InOut, false)]
    public void Linear_BothLayouts_IsProductPlusBias(WeightLayout layout, bool withBias)
    {
        Tensor x = Random([3, 5, 40], 1), stored = Random([40, 33], 2), bias = Random([33], 3);
        var weight = layout == WeightLayout.InOut ? stored : stored.Transpose(0, 1).Contiguous();
        var expected = x.MatMul(stored);
        if (withBias)
        {
            var values = expected.AsSpan<float>();
            for (var i = 0; i < values.Length; i++)
                values[i] += bias.AsReadOnlySpan<float>()[i % 33];
        }
        AssertClose(expected, x.Linear(weight, withBias ? bias : null, layout));
    }

    [Theory]
    [InlineData(1, WeightLayout.OutIn)]
    [InlineData(1, WeightLayout.InOut)]
    [InlineData(2, WeightLayout.OutIn)]
    [InlineData(17, WeightLayout.InOut)]
    public void Linear_Repeated_GivesTheSameBytes(int rows, WeightLayout layout)
    {
        Tensor x = Random([rows, 1200], 1), weight = Random(layout == WeightLayout.OutIn ? [70, 1200] : [1200, 70], 2), bias = Random([70], 3);
        var first = x.Linear(weight, bias, layout).ToArray<float>();
        for (var use = 0; use < 3; use++)
            Assert.Equal(first, x.Linear(weight, bias, layout).ToArray<float>());
    }

    [Fact]
    public void Linear_WeightWrittenAfterPacking_SeesTheNewValues()
    {
        Tensor x = Random([4, 8], 1), weight = Random([6, 8], 2);
        for (var use = 0; use < 3; use++)
            x.Linear(weight);
        Assert.NotNull(PanelCache.Find(weight, 8, 6, transposed: true));
        weight.AsSpan<float>().Clear();
        for (var use = 0; use < 3; use++)
            Assert.All(x.Linear(weight).ToArray<float>(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Linear_PartOfAStorage_IsNotCached()
    {
        Tensor x = Random([4, 8], 1), both = Random([12, 8], 2);
        Tensor low = both.Narrow(0, 0, 6), high = both.Narrow(0, 6, 6);
        for (var use = 0; use < 3; use++)
        {
            AssertClose(x.Linear(low.Contiguous().Reshape(6, 8)), x.Linear(low));
            AssertClose(x.MatMul(high.Transpose(0, 1)), x.Linear(high));
        }
        Assert.Null(both.Storage.Derived);
    }

    [Fact]
    public void Linear_SharedByThreads_IsRightOnAll()
    {
        Tensor x = Random([4, 64], 1), weight = Random([96, 64], 2);
        var expected = x.Linear(weight).ToArray<float>();
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => Assert.Equal(expected, x.Linear(weight).ToArray<float>()));
    }

    [Fact]
    public void Linear_StridedInputs_ReadTheirElements()
    {
        Tensor x = Random([8, 4], 1).Transpose(0, 1), weight = Random([8, 6], 2);
        AssertClose(x.Contiguous().MatMul(weight), x.Linear(weight.Transpose(0, 1)));
    }

    [Theory]
    [InlineData(new[] { 2, 7 }, new[] { 6, 8 }, null, "the input has 7 features, the weight (OutIn) takes 8")]
    [InlineData(new[] { 2, 8 }, new[] { 6, 8 }, new[] { 8 }, "the bias must be [6]")]
    [InlineData(new[] { 2, 8 }, new[] { 6, 8, 1 }, null, "a weight of two")]
    public void Linear_ShapesThatDoNotFit_AreNamed(int[] x, int[] weight, int[]? bias, string part)
    {
        var error = Assert.Throws<OpException>(() => Random(x, 1).Linear(Random(weight, 2), bias is null ? null : Random(bias, 3)));
        Assert.Contains("Linear(F32", error.Message);
        Assert.Contains(part, error.Message);
    }

    [Fact]
    public void Linear_OtherElementType_IsRefused() =>
        Assert.Throws<OpException>(() => Tensor.Zeros([2, 8], DType.F64).Linear(Random([6, 8], 1)));
}
