namespace Coppice.Tensors.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void Count_Scalar_IsOne() => Assert.Equal(1, default(Shape).Count);

    [Fact]
    public void Equals_SameSizes_IsTrue() => Assert.Equal<Shape>([2, 3], [2, 3]);

    [Fact]
    public void ContiguousStrides_RowMajor() => Assert.Equal([12, 4, 1], Shape.Create([2, 3, 4]).ContiguousStrides());

    [Theory]
    [InlineData(0, 12)]
    [InlineData(1, 4)]
    [InlineData(2, 1)]
    public void CountBehind_AnAxis_IsTheProductOfTheSizesBehind(int axis, long count) => Assert.Equal(count, Shape.Create([2, 3, 4]).CountBehind(axis));

    [Fact]
    public void Create_NegativeSize_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Shape.Create([2, -1]));
}
