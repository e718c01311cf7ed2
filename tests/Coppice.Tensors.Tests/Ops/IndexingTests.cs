using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

/// <summary>Views, gathering, scattering and the like against results written down by hand.</summary>
public sealed class IndexingTests
{
    private static readonly Tensor Matrix = Tensor.From<long>([1, 2, 3, 4, 5, 6], [2, 3]);

    [Fact]
    public void Permute_OfThreeAxes_MovesThem()
    {
        var x = Numbers.Random([2, 3, 4]);
        Assert.Equal(x.Transpose(0, 2).Transpose(1, 2).ToArray<float>(), x.Permute(2, 0, 1).ToArray<float>());
        Assert.Throws<OpException>(() => x.Permute(0, 1, 1));
    }

    [Fact]
    public void Expand_RepeatsAxesOfSizeOne()
    {
        Assert.Equal([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6], Matrix.Expand([2, 2, 3]).ToArray<long>());
        Assert.Contains("it can't be repeated to [3, 3]", Assert.Throws<OpException>(() => Matrix.Expand([3, 3])).Message);
    }

    [Theory]
    [InlineData(0, 2, 2, new long[] { 1, 3, 4, 6 })]
    [InlineData(2, 3, -1, new long[] { 3, 2, 1, 6, 5, 4 })]
    [InlineData(1, 1, 5, new long[] { 2, 5 })]
    public void Slice_WithSteps_TakesThem(int start, int count, int step, long[] expected) =>
        Assert.Equal(expected, Op.ApplySingle(new Slice(1, start, count, step), Matrix).ToArray<long>());

    [Fact]
    public void Slice_OutOfRange_IsRefused() =>
        Assert.Contains("3 entries of axis 1 from 0 in steps of 2 are not all there",
            Assert.Throws<OpException>(() => Op.ApplySingle(new Slice(1, 0, 3, 2), Matrix)).Message);

    [Fact]
    public void Gather_EachKind_TakesWhatIndicesSay()
    {
        Assert.Equal([3, 1, 6, 4], Matrix.Gather(Tensor.From<long>([2, 0], [2]), 1).ToArray<long>());
        Assert.Equal([4, 5, 6], Matrix.Gather(Tensor.From<long>([-1], [])).ToArray<long>());
        Assert.Equal([4, 2, 3], Op.ApplySingle(new GatherElements(0), Matrix, Tensor.From<long>([1, 0, 0], [1, 3])).ToArray<long>());
        Assert.Equal([6, 1], Op.ApplySingle(new GatherND(), Matrix, Tensor.From<long>([1, 2, 0, 0], [2, 2])).ToArray<long>());
        Assert.Equal([2, 4], Op.ApplySingle(new GatherND(1), Matrix, Tensor.From<long>([1, 0], [2, 1])).ToArray<long>());
        Assert.Equal<Shape>([0, 3], Matrix.Gather(Tensor.Empty([0], DType.I64)).Shape);
    }

    [Fact]
    public void Gather_IndexOutOfRange_NamesIt()
    {
        var error = Assert.Throws<OpException>(() => Matrix.Gather(Tensor.From<long>([0, 3], [2]), 1));
        Assert.Equal("Gather: index 3 at position 1 is not in -3..2, the entries of axis 1 of [2, 3].", error.Message);
    }

    [Fact]
    public void Scatter_EachKind_PutsWhatIndicesSay()
    {
        var (indices, updates) = (Tensor.From<long>([0, 2, 0], [1, 3]), Tensor.From<long>([10, 20, 30], [1, 3]));
        Assert.Equal([30, 2, 20, 4, 5, 6], Op.ApplySingle(new ScatterElements(1), Matrix, indices, updates).ToArray<long>());
        Assert.Equal([41, 2, 23, 4, 5, 6], Op.ApplySingle(new ScatterElements(1, ScatterKind.Add), Matrix, indices, updates).ToArray<long>());
        Assert.Equal([300, 2, 60, 4, 5, 6],
            Op.ApplySingle(new ScatterElements(1, ScatterKind.Multiply), Matrix, indices, updates).ToArray<long>());
        Assert.Equal([30, 2, 20, 4, 5, 6],
            Op.ApplySingle(new ScatterElements(1, ScatterKind.Maximum), Matrix, indices, updates).ToArray<long>());
        Assert.Equal([1, 2, 3, 4, 5, 6],
            Op.ApplySingle(new ScatterElements(1, ScatterKind.Minimum), Matrix, indices, updates).ToArray<long>());
        Assert.Equal([1, 2, 3, 7, 8, 9],
            Op.ApplySingle(new ScatterND(), Matrix, Tensor.From<long>([-1], [1, 1]), Tensor.From<long>([7, 8, 9], [1, 3])).ToArray<long>());
    }

    [Fact]
    public void Backward_OfScatteringByMaximum_SaysWhy() =>
        Assert.Contains("the gradient of scattering by Maximum is not written",
            Assert.Throws<NotSupportedException>(() => new ScatterND(ScatterKind.Maximum).Backward([], [], [])).Message);

    [Fact]
    public void CumulativeSum_EachDirection_AddsUp()
    {
        Assert.Equal([1, 3, 6, 4, 9, 15], Op.ApplySingle(new CumulativeSum(1), Matrix).ToArray<long>());
        Assert.Equal([5, 3, 0, 11, 6, 0], Op.ApplySingle(new CumulativeSum(1, true, true), Matrix).ToArray<long>());
        Assert.Equal([1, 2, 3, 5, 7, 9], Op.ApplySingle(new CumulativeSum(0), Matrix).ToArray<long>());
    }

    [Fact]
    public void SlidingSum_NeighboursBeyondTheEnds_AreNone()
    {
        var x = Matrix.Cast(DType.F32);
        Assert.Equal([3f, 6, 5, 9, 15, 11], Op.ApplySingle(new SlidingSum(1, 1, 1), x).ToArray<float>());
        Assert.Equal([5f, 7, 9, 4, 5, 6], Op.ApplySingle(new SlidingSum(0, 0, 9), x).ToArray<float>());
        Assert.Throws<OpException>(() => Op.ApplySingle(new SlidingSum(2, 0, 0), x));
        Assert.Throws<OpException>(() => Op.ApplySingle(new SlidingSum(0, -1, 0), x));
    }

    [Theory]
    [InlineData(true, 0L, new long[] { 1, 2, 3, 0, 5, 6 })]
    [InlineData(false, 0L, new long[] { 1, 0, 0, 4, 5, 0 })]
    [InlineData(true, 1L, new long[] { 0, 2, 3, 0, 0, 6 })]
    [InlineData(false, long.MaxValue, new long[] { 1, 2, 3, 4, 5, 6 })]
    [InlineData(true, long.MaxValue, new long[] { 0, 0, 0, 0, 0, 0 })]
    public void Triangle_OfAMatrix_KeepsOneSide(bool upper, long diagonal, long[] expected) =>
        Assert.Equal(expected, Op.ApplySingle(new Triangle(upper, diagonal), Matrix).ToArray<long>());

    [Fact]
    public void TopK_WithEqualValues_TakesTheLowerIndexFirst()
    {
        var x = Tensor.From<float>([1, 3, 3, 2, float.NaN, 0], [2, 3]);
        var largest = Op.Apply(new TopK(2), x);
        Assert.Equal([3, 3, float.NaN, 2], largest[0].ToArray<float>());
        Assert.Equal([1, 2, 1, 0], largest[1].ToArray<long>());
        Assert.Equal([0, 1, 2, 0], Op.Apply(new TopK(2, Largest: false), x)[1].ToArray<long>());
    }

    [Fact]
    public void NonZero_OfAMatrix_GivesColumnsOfIndices()
    {
        var y = Op.ApplySingle(new NonZero(), Tensor.From<float>([0, 1, 0, 2, 0, -3], [2, 3]));
        Assert.Equal<Shape>([2, 3], y.Shape);
        Assert.Equal([0, 1, 1, 1, 0, 2], y.ToArray<long>());
        Assert.Equal<Shape>([2, 0], Op.ApplySingle(new NonZero(), Tensor.Zeros([2, 3])).Shape);
    }

    [Fact]
    public void ShapeOf_GivesSizes() => Assert.Equal([2, 3], Op.ApplySingle(new ShapeOf(), Matrix).ToArray<long>());

    [Fact]
    public void Pad_OfWholeNumbers_AddsTheValue() =>
        Assert.Equal([9, 1, 2, 3, 9, 4, 5, 6], Matrix.Pad(1, 1, 0, 9).ToArray<long>());

    [Fact]
    public void Unfold_AndProduct_IsConvolution()
    {
        var (x, weight) = (Numbers.Random([2, 3, 7, 9]), Numbers.Random([4, 3, 3, 3], 2));
        var columns = Op.ApplySingle(new Unfold([3, 3], [2, 2], [2, 2], [1, 1], [1, 1]), x);
        var y = weight.Reshape(1, 4, 27).MatMul(columns.Reshape(2, 27, -1)).Reshape(2, 4, 3, 4);
        Numbers.Close(Array.ConvertAll(x.Conv2d(weight, null, 2, 1, 2).ToArray<float>(), value => (double)value), y.ToArray<float>(), 1e-5);
    }

    [Fact]
    public void Unfold_OfThreeAxesWithUnevenPadding_FillsIt()
    {
        var y = Op.ApplySingle(new Unfold([1, 1, 2], [1, 1, 1], [1, 1, 1], [0, 0, 1], [0, 0, 0], -1), Tensor.From<float>([1, 2], [1, 1, 1, 1, 2]));
        Assert.Equal<Shape>([1, 1, 2, 2], y.Shape);
        Assert.Equal([-1, 1, 1, 2], y.ToArray<float>());
        Assert.Contains("does not fit into the padded image", Assert.Throws<OpException>(() =>
            Op.ApplySingle(new Unfold([4], [1], [1], [0], [1]), Tensor.Zeros([1, 1, 2]))).Message);
    }
}
