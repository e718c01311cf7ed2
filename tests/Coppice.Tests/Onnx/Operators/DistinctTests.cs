using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx.Operators;

/// <summary>What numpy.unique gives.</summary>
public sealed class DistinctTests
{
    [Fact]
    public void Unique_OfAllElements_IsSorted()
    {
        var outputs = OneNode.Run("Unique", [Tensor.From<float>([2, 1, 1, 3, 4, 3], [2, 3])], outputs: 4);
        Assert.Equal([1, 2, 3, 4], outputs[0].ToArray<float>());
        Assert.Equal([1, 0, 3, 4], outputs[1].ToArray<long>());
        Assert.Equal([1, 0, 0, 2, 3, 2], outputs[2].ToArray<long>());
        Assert.Equal([2, 1, 2, 1], outputs[3].ToArray<long>());
    }

    [Fact]
    public void Unique_Unsorted_IsInTheOrderOfFirstPlaces()
    {
        var outputs = OneNode.Run("Unique", [Tensor.From<long>([2, 1, long.MaxValue, 1, long.MaxValue - 1], [5])], 3, 17, AttributeProto.From("sorted", 0L));
        Assert.Equal([2, 1, long.MaxValue, long.MaxValue - 1], outputs[0].ToArray<long>());
        Assert.Equal([0, 1, 2, 4], outputs[1].ToArray<long>());
        Assert.Equal([0, 1, 2, 1, 3], outputs[2].ToArray<long>());
    }

    [Fact]
    public void Unique_AlongAnAxis_ComparesSlices()
    {
        var x = Tensor.From<float>([1, 0, 1, 2, 0, 2], [2, 3]); // columns 1 2, 0 0, 1 2
        var outputs = OneNode.Run("Unique", [x], 4, 17, AttributeProto.From("axis", -1L));
        Assert.Equal<Shape>([2, 2], outputs[0].Shape);
        Assert.Equal([0, 1, 0, 2], outputs[0].ToArray<float>());
        Assert.Equal([1, 0, 1], outputs[2].ToArray<long>());
        Assert.Equal([1, 2], outputs[3].ToArray<long>());
    }

    [Theory]
    [InlineData(-2f, 1f, 2f, 3f, 4f)]
    [InlineData(-1f, 0f, 1f, 1f, 0f)]
    [InlineData(0f, 1f, 2f, 2f, 4f)]
    [InlineData(-6f, 1f, 0f, 0f, 0f, 0f, 2f, 0f, 3f, 0f)]
    public void Det_OfAMatrix_IsItsDeterminant(float expected, params float[] values)
    {
        var size = (int)Math.Sqrt(values.Length);
        Assert.Equal(expected, OneNode.Run("Det", [Tensor.From<float>(values, [size, size])])[0].Item<float>(), 1e-6);
    }

    [Fact]
    public void Det_OfNoSquare_SaysSo() =>
        Assert.Contains("square matrices", Assert.Throws<OnnxException>(() => OneNode.Run("Det", [Tensor.Zeros([2, 3])])).Message,
            StringComparison.Ordinal);
}
