using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class LastAxisOpTests
{
    private const float Inf = float.PositiveInfinity;

    private delegate double[] RowFunction(ReadOnlySpan<float> row);

    private static readonly Dictionary<string, (Op Op, RowFunction Reference)> Cases = new()
    {
        ["Softmax"] = (new Softmax(), RowReference.Softmax),
        ["LogSoftmax"] = (new LogSoftmax(), RowReference.LogSoftmax),
        ["L2Normalize"] = (new L2Normalize(), RowReference.L2Normalize),
        ["Sum"] = (new Sum(), row => [RowReference.Sum(row)]),
        ["Mean"] = (new Mean(), row => [RowReference.Mean(row)]),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_EdgeSizes_MatchesReference(string name)
    {
        foreach (var size in Numbers.EdgeSizes)
            Check(name, Numbers.Random([3, size], seed: size, range: 20), 2e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_LongRows_MatchesReference(string name) => Check(name, Numbers.Random([3, 50257], range: 20), 3e-5);

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_StridedView_MatchesReference(string name) => Check(name, Numbers.Random([19, 4]).Transpose(0, 1), 2e-6);

    [Fact]
    public void Softmax_EmptyRows_AreEmpty() => Assert.Equal<Shape>([3, 0], Tensor.Empty([3, 0]).Softmax().Shape);

    [Fact]
    public void L2Normalize_RowOfZeros_StaysZeros() => Assert.Equal([0f, 0f], Tensor.Zeros([1, 2]).L2Normalize().ToArray<float>());

    [Fact]
    public void SumMean_EmptyRow_AreZeroAndNaN()
    {
        Assert.Equal([0f], Tensor.Empty([1, 0]).Sum().ToArray<float>());
        Assert.Equal([float.NaN], Tensor.Empty([1, 0]).Mean().ToArray<float>());
    }

    [Theory]
    [InlineData(new[] { -Inf, 0f, 0f }, new[] { 0f, 0.5f, 0.5f })]
    [InlineData(new[] { -Inf, -Inf }, new[] { float.NaN, float.NaN })]
    [InlineData(new[] { Inf, 0f }, new[] { float.NaN, float.NaN })]
    [InlineData(new[] { float.NaN, 0f }, new[] { float.NaN, float.NaN })]
    [InlineData(new[] { float.MaxValue, float.MinValue }, new[] { 1f, 0f })]
    public void Softmax_SpecialRows_AreAsInTorch(float[] row, float[] expected) =>
        Assert.Equal(expected, Tensor.From<float>(row, [row.Length]).Softmax().ToArray<float>());

    [Fact]
    public void ArgMax_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var row = Numbers.Random([size], size);
            Assert.Equal(RowReference.ArgMax(row.AsReadOnlySpan<float>()), row.ArgMax().Item<long>());
        }
    }

    [Theory]
    [InlineData(new[] { 1f, 3f, 3f }, 1)]
    [InlineData(new[] { -0f, 0f }, 0)]
    [InlineData(new[] { -Inf, -Inf }, 0)]
    [InlineData(new[] { Inf, float.NaN, float.NaN }, 1)]
    public void ArgMax_SpecialRows_TakesFirst(float[] row, long expected) =>
        Assert.Equal(expected, Tensor.From<float>(row, [row.Length]).ArgMax().Item<long>());

    [Fact]
    public void ArgMax_EmptyRow_IsRefused()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Empty([2, 0]).ArgMax());
        Assert.Equal("ArgMax(F32 [2, 0]): the last axis is empty.", error.Message);
    }

    [Fact]
    public void Softmax_Scalar_IsRefused() =>
        Assert.Contains("there is no last axis", Assert.Throws<OpException>(() => Tensor.Zeros([]).Softmax()).Message);

    private static void Check(string name, Tensor x, double tolerance)
    {
        var values = x.ToArray<float>();
        var expected = values.Chunk(x.Shape[^1]).SelectMany(row => Cases[name].Reference(row)).ToArray();
        Numbers.Close(expected, Op.ApplySingle(Cases[name].Op, x).ToArray<float>(), tolerance);
    }
}
