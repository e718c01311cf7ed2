using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class RmsNormTests
{
    [Fact]
    public void Forward_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var (x, weight) = (Numbers.Random([2, 3, size], seed: size), Numbers.Random([size], 11));
            var w = weight.ToArray<float>();
            var expected = x.ToArray<float>().Chunk(size).SelectMany(row => RowReference.RmsNorm(row, w, 1e-5f)).ToArray();
            Numbers.Close(expected, x.RmsNorm(weight, 1e-5f).ToArray<float>(), 2e-6);
        }
    }

    [Fact]
    public void Backward_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var (x, g, weight) = (Numbers.Random([3, size], size), Numbers.Random([3, size], size + 1), Numbers.Random([size], 2));
            var actual = new RmsNorm(1e-3f).Backward([x, weight], [], [g]);
            var (dx, dw) = (new List<double>(), new double[size]);
            for (var row = 0; row < 3; row++)
            {
                var part = RowReference.RmsNormGradient(x.AsReadOnlySpan<float>().Slice(row * size, size),
                    weight.AsReadOnlySpan<float>(), g.AsReadOnlySpan<float>().Slice(row * size, size), 1e-3f);
                dx.AddRange(part.X);
                for (var i = 0; i < size; i++)
                    dw[i] += part.Weight[i];
            }
            Numbers.Close(dx.ToArray(), actual[0]!.ToArray<float>(), 1e-5);
            Numbers.Close(dw, actual[1]!.ToArray<float>(), 1e-5);
        }
    }

    [Fact]
    public void Forward_Zeros_AreZeros() =>
        Assert.All(Tensor.Zeros([2, 5]).RmsNorm(Numbers.Random([5])).ToArray<float>(), value => Assert.Equal(0, value));

    [Fact]
    public void Forward_OfAStridedView_IsThatOfItsCopy()
    {
        var (x, weight) = (Numbers.Random([20, 3]).Transpose(0, 1), Numbers.Random([20], 2));
        Assert.Equal(x.Contiguous().RmsNorm(weight).ToArray<float>(), x.RmsNorm(weight).ToArray<float>());
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(3, 0)]
    public void Forward_Empty_IsEmpty(int rows, int size) =>
        Assert.Equal<Shape>([rows, size], Tensor.Empty([rows, size]).RmsNorm(Tensor.Zeros([size])).Shape);

    [Fact]
    public void Infer_WeightOfOtherSize_NamesShapes()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([2, 8]).RmsNorm(Tensor.Zeros([4])));
        Assert.Equal("RmsNorm(F32 [2, 8], F32 [4]): weight must have shape [8], as x's last axis.", error.Message);
    }
}
