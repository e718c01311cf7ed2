namespace Coppice.Tensors.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void Count_Scalar_IsOne() => Assert.Equal(1, default(Shape).Count);

    [Fact]
    public void Equals_SameSizes_IsTrue() => Assert.Equal<Shape>([2, 3], [2, 3]);

    [Fact]
    public void ContiguousStrides_RowMajor() => Assert.Equal([12, 4, 1], Shape.Create([2, 3, 4]).ContiguousStrides());

    [Fact]
    public void Create_NegativeSize_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Shape.Create([2, -1]));
}
