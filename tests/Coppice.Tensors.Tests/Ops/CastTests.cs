using Coppice.Tensors.Kernels;
using Coppice.Tensors.Kernels.Reference;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tests.Ops;

[Trait("Category", "Kernels")]
public sealed class CastTests
{
    private static readonly float[] Ties =
        [1f, 1.00390625f, 1.01171875f, -1.00390625f, 1.0039063f, 3.4e38f, 65504f, 65519.996f, 65520f, 5.9604645e-8f, 1e-40f];

    private static float[] Values(int count) =>
        [.. Numbers.Special, .. Ties, .. Numbers.Random([count], range: 1000).ToArray<float>()];

    [Fact]
    public void BFloat16_EdgeSizes_MatchesReference()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var values = Values(size);
            var narrow = Tensor.From<float>(values, [values.Length]).Cast(DType.BF16);
            var expected = Array.ConvertAll(values, BFloat16Reference.FromSingle);
            Assert.Equal(expected, narrow.ToArray<ushort>());
            Assert.Equal(Array.ConvertAll(expected, BFloat16Reference.ToSingle), narrow.Cast(DType.F32).ToArray<float>());
        }
    }

    [Fact]
    public void BFloat16_EveryBitPattern_SurvivesTheWayThroughSingle()
    {
        var all = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        var singles = Array.ConvertAll(all, BFloat16Reference.ToSingle);
        var back = Tensor.From<float>(singles, [65536]).Cast(DType.BF16).ToArray<ushort>();
        for (var i = 0; i < all.Length; i++)
            Assert.Equal(float.IsNaN(singles[i]) ? all[i] | 0x40 : all[i], back[i]);
    }

    [Fact]
    public void Half_EdgeSizes_MatchesScalarCast()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            var values = Values(size);
            var narrow = Tensor.From<float>(values, [values.Length]).Cast(DType.F16);
            Assert.Equal(Array.ConvertAll(values, x => (Half)x), narrow.ToArray<Half>());
            Assert.Equal(Array.ConvertAll(values, x => (float)(Half)x), narrow.Cast(DType.F32).ToArray<float>());
        }
    }

    [Fact]
    public void Double_EdgeSizes_MatchesScalarCast()
    {
        foreach (var size in Numbers.EdgeSizes)
        {
            double[] values = [.. Values(size).Select(x => x * 1.00000001)];
            var wide = Tensor.From<double>(values, [values.Length]);
            Assert.Equal(Array.ConvertAll(values, x => (float)x), wide.Cast(DType.F32).ToArray<float>());
            Assert.Equal(Array.ConvertAll(values, x => (Half)(float)x), wide.Cast(DType.F16).ToArray<Half>());
            Assert.Equal(Array.ConvertAll(values, x => (double)(float)x), wide.Cast(DType.F32).Cast(DType.F64).ToArray<double>());
        }
    }

    [Fact]
    public void Cast_SameType_IsTheTensor()
    {
        var x = Tensor.Zeros([2]);
        Assert.Same(x, x.Cast(DType.F32));
    }

    [Fact]
    public void Cast_StridedView_ReadsTheView()
    {
        var x = Numbers.Random([3, 4]);
        Assert.Equal(x.Transpose(0, 1).ToArray<float>(), x.Cast(DType.F64).Transpose(0, 1).Cast(DType.F32).ToArray<float>());
    }

    [Fact]
    public void Cast_ToInteger_IsRefused() =>
        Assert.Contains("not to I64", Assert.Throws<OpException>(() => Tensor.Zeros([2]).Cast(DType.I64)).Message);

    [Fact]
    public void Convert_SpansOfOtherLength_AreRefused() =>
        Assert.Throws<ArgumentException>(() => FloatConversion.Convert(DType.F32, new byte[8], DType.BF16, new byte[5]));
}
