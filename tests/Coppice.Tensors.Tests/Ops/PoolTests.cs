using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

public sealed class PoolTests
{
    [Fact]
    public void MaxPool_WindowWithNaN_IsNaN()
    {
        var x = Tensor.From<float>([1, 2, 3, float.NaN, 5, 6, 7, 8], [1, 2, 2, 2]);
        Assert.Equal([float.NaN, 8], x.MaxPool2d(2).ToArray<float>());
    }

    [Fact]
    public void MaxPool_Padding_IsNeverLargest() =>
        Assert.All(Tensor.Full([1, 1, 3, 3], -5).MaxPool2d(3, 2, 1).ToArray<float>(), value => Assert.Equal(-5, value));

    [Fact]
    public void AvgPool_Padding_CountsAsZeros() =>
        Assert.Equal([4, 4, 4, 4], Tensor.Full([1, 1, 3, 3], 9).AvgPool2d(3, 2, 1).ToArray<float>());

    [Fact]
    public void AdaptiveAvgPool_SizesThatDoNotDivide_Overlap()
    {
        var x = Tensor.From<float>([0, 1, 2, 3, 4], [1, 1, 1, 5]);
        Assert.Equal([0.5f, 2, 3.5f], x.AdaptiveAvgPool2d(1, 3).ToArray<float>());
    }

    [Theory]
    [InlineData(5, 1, 0)]
    [InlineData(2, 0, 0)]
    [InlineData(2, 1, 2)]
    public void Infer_WindowThatDoesNotFit_NamesShape(int kernel, int stride, int padding)
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([1, 1, 4, 4]).MaxPool2d(kernel, stride, padding));
        Assert.StartsWith("MaxPool2d(F32 [1, 1, 4, 4]): ", error.Message, StringComparison.Ordinal);
    }
}
