using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

public sealed class ConcatTests
{
    [Theory]
    [InlineData(0, new[] { 2f, 1, 4, 3, 5, 7, 6, 8 })]
    [InlineData(1, new[] { 2f, 1, 5, 7, 4, 3, 6, 8 })]
    [InlineData(-1, new[] { 2f, 1, 5, 7, 4, 3, 6, 8 })]
    public void Forward_ContiguousAndStrided_Joins(int axis, float[] expected)
    {
        var (a, b) = (Tensor.From<float>([2, 1, 4, 3], [2, 2]), Tensor.From<float>([5, 6, 7, 8], [2, 2]).Transpose(0, 1));
        Assert.Equal(expected, Tensor.Concat(axis, a, b).ToArray<float>());
    }

    [Fact]
    public void Forward_Integers_KeepType() =>
        Assert.Equal([1L, 2, 3], Tensor.Concat(0, Tensor.From<long>([1, 2], [2]), Tensor.From<long>([3], [1])).ToArray<long>());

    [Fact]
    public void Forward_EmptyPart_AddsNothing()
    {
        var a = Numbers.Random([2, 3, 4]);
        Assert.Equal(a.ToArray<float>(), Tensor.Concat(1, Tensor.Empty([2, 0, 4]), a).ToArray<float>());
    }

    [Fact]
    public void Infer_OtherSizes_NamesShapes()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Concat(0, Tensor.Zeros([2, 3]), Tensor.Zeros([2, 4])));
        Assert.Equal("Concat(F32 [2, 3], F32 [2, 4]): types, and all sizes but axis 0, must be equal.", error.Message);
    }

    [Fact]
    public void Infer_Nothing_IsRefused() => Assert.Throws<OpException>(() => Tensor.Concat(0));
}
