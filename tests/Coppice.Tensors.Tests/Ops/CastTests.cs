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
    public void Cast_BetweenNumberTypes_MatchesScalarConversion()
    {
        var x = Tensor.From<float>([1.9f, -1.9f, 300, -300, float.NaN, 1e30f, 0], [7]);
        Assert.Equal([1, -1, 300, -300, 0, long.MaxValue, 0], x.Cast(DType.I64).ToArray<long>());
        Assert.Equal([1, -1, 127, -128, 0, 127, 0], x.Cast(DType.I8).ToArray<sbyte>());
        Assert.Equal([true, true, true, true, true, true, false], x.Cast(DType.Bool).ToArray<bool>());
        var large = Tensor.From<long>([(1L << 53) + 1, -1, 256 + 7], [3]);
        Assert.Equal([(1L << 53) + 1, -1, 263], large.Cast(DType.U64).Cast(DType.I64).ToArray<long>());
        Assert.Equal([1, 255, 7], large.Cast(DType.U8).ToArray<byte>());
        Assert.Equal([1f, 0f], Tensor.From<bool>([true, false], [2]).Cast(DType.F32).ToArray<float>());
        Assert.Equal([3f, -1f], Tensor.From<int>([3, -1], [2]).Cast(DType.BF16).Cast(DType.I32).Cast(DType.F32).ToArray<float>());
    }

    [Fact]
    public void Cast_ToAPackedType_IsRefused() =>
        Assert.Contains("and F4 to be such a type", Assert.Throws<OpException>(() => Tensor.Zeros([2]).Cast(DType.F4)).Message);

    [Fact]
    public void Convert_SpansOfOtherLength_AreRefused() =>
        Assert.Throws<ArgumentException>(() => FloatConversion.Convert(DType.F32, new byte[8], DType.BF16, new byte[5]));
}
