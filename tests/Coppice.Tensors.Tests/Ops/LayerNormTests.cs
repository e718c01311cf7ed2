using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class LayerNormTests
{
    [Fact]
    public void Forward_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
            Check(Numbers.Random([2, 3, size], seed: size), 2e-6);
    }

    [Fact]
    public void Forward_LargeMean_KeepsTheVariance()
    {
        var x = Numbers.Random([4, 768]).Add(Tensor.Full([], 1000));
        Check(x, 5e-6);
    }

    [Fact]
    public void Backward_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var (x, g) = (Numbers.Random([3, size], size), Numbers.Random([3, size], size + 1));
            var (weight, bias) = (Numbers.Random([size], 2), Numbers.Random([size], 3));
            var actual = new LayerNorm(1e-3f).Backward([x, weight, bias], [], [g]);
            var (dx, dw) = (new List<double>(), new double[size]);
            for (var row = 0; row < 3; row++)
            {
                var part = RowReference.LayerNormGradient(x.AsReadOnlySpan<float>().Slice(row * size, size),
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
    public void Forward_ConstantRow_IsBias()
    {
        var bias = Numbers.Random([5], 3);
        Assert.Equal(bias.ToArray<float>(), Tensor.Full([1, 5], 2).LayerNorm(Numbers.Random([5], 2), bias).ToArray<float>());
    }

    [Fact]
    public void Forward_NaNInOneRow_LeavesTheOthers()
    {
        var x = Numbers.Random([3, 20]);
        x.AsSpan<float>()[25] = float.NaN;
        var y = x.LayerNorm(Tensor.Full([20], 1), Tensor.Zeros([20])).ToArray<float>();
        Assert.All(y[20..40], value => Assert.Equal(float.NaN, value));
        Assert.DoesNotContain(float.NaN, y[..20].Concat(y[40..]));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(3, 0)]
    public void Forward_Empty_IsEmpty(int rows, int size) =>
        Assert.Equal<Shape>([rows, size], Tensor.Empty([rows, size]).LayerNorm(Tensor.Zeros([size]), Tensor.Zeros([size])).Shape);

    [Fact]
    public void Infer_WeightOfOtherSize_NamesShapes()
    {
        var error = Assert.Throws<OpException>(() => Tensor.Zeros([2, 8]).LayerNorm(Tensor.Zeros([4]), Tensor.Zeros([8])));
        Assert.Equal("LayerNorm(F32 [2, 8], F32 [4], F32 [8]): weight and bias must have shape [8], as x's last axis.", error.Message);
    }

    private static void Check(Tensor x, double tolerance)
    {
        var size = x.Shape[^1];
        var (weight, bias) = (Numbers.Random([size], 11), Numbers.Random([size], 12));
        var (w, b) = (weight.ToArray<float>(), bias.ToArray<float>());
        var expected = x.ToArray<float>().Chunk(size).SelectMany(row => RowReference.LayerNorm(row, w, b, 1e-5f)).ToArray();
        Numbers.Close(expected, x.LayerNorm(weight, bias).ToArray<float>(), tolerance);
    }
}
