using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Tests.Checkpoints;

public sealed class TensorLoadingTests
{
    private static readonly float[] Values = [0, 1.5f, -2, 65504, float.PositiveInfinity];

    [Fact]
    public void ToSingle_Half_Converts() =>
        Assert.Equal(Values, TensorSource.From("w",
            Tensor.From<Half>([.. Values.Select(value => (Half)value)], [5])).ToSingle().ToArray<float>());

    [Fact]
    public void ToSingle_Double_Converts() =>
        Assert.Equal(Values, TensorSource.From("w",
            Tensor.From<double>([.. Values.Select(value => (double)value)], [5])).ToSingle().ToArray<float>());

    [Fact]
    public void ToSingle_BFloat_Converts()
    {
        var tensor = Tensor.Empty([3], DType.BF16);
        new byte[] { 0x80, 0x3f, 0x00, 0xc0, 0x80, 0xff }.CopyTo(tensor.Bytes(0, 6));
        Assert.Equal([1, -2, float.NegativeInfinity], TensorSource.From("w", tensor).ToSingle().ToArray<float>());
    }

    [Fact]
    public void ToSingle_Integers_AreRefused() =>
        Assert.Contains("ToTensor()",
            Assert.Throws<NotSupportedException>(() => TensorSource.From("w", Tensor.From<long>([1], [1])).ToSingle()).Message);

    [Fact]
    public void ToTensor_SeveralChunks_IsWhole()
    {
        var values = Enumerable.Range(0, 700_001).Select(i => (float)i).ToArray();
        Assert.Equal(values, Samples.Floats("w", values).ToTensor().ToArray<float>());
    }

    [Fact]
    public void From_StridedView_ReadsRowMajor()
    {
        var source = TensorSource.From("w", Tensor.From<float>([1, 2, 3, 4], [2, 2]).Transpose(0, 1));
        Assert.Equal([1, 3, 2, 4], source.ToTensor().ToArray<float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Read(13, new byte[4]));
    }
}
