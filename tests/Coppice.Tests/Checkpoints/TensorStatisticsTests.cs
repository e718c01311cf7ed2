using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Tensors;
using MemoryTensor = Coppice.Tests.Pruning.MemoryTensor;

namespace Coppice.Tests.Checkpoints;

public sealed class TensorStatisticsTests
{
    public static TheoryData<DType> Types => [.. Enum.GetValues<DType>()];

    [Theory]
    [MemberData(nameof(Types))]
    public void Statistics_OfEachType_CountZeros(DType dtype)
    {
        // Element 0 is zero, the others are not: every byte of theirs is 1.
        var bits = dtype.BitSize();
        var bytes = new byte[8 * bits / 8];
        bytes.AsSpan(bits % 8 == 0 ? bits / 8 : 1).Fill(1);
        var statistics = TensorStatistics.Of(new MemoryTensor("t", dtype, [8], bytes));
        Assert.Equal(8, statistics.Elements);
        Assert.Equal(bits % 8 == 0 ? 1 : null, statistics.Zeros);
        Assert.Equal(bits % 8 == 0 ? 0.125 : 0, statistics.Sparsity);
        Assert.Equal(0, statistics.NonFinite);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Statistics_OfFloats_CountBothZerosAndNonFinite(DType dtype)
    {
        double[] values = [0, -0.0, 1, -1, double.NaN, double.PositiveInfinity, double.NegativeInfinity];
        var bytes = new byte[values.Length * dtype.ByteSize()];
        for (var i = 0; i < values.Length; i++)
            MemoryTensor.Write(bytes.AsSpan(i * dtype.ByteSize()), dtype, values[i]);
        foreach (var mapped in new[] { true, false })
            Assert.Equal(new TensorStatistics(7, 2, 3), TensorStatistics.Of(new MemoryTensor("t", dtype, [7], bytes, mapped)));
    }

    [Fact]
    public void Statistics_OfManyChunks_CountAll()
    {
        var values = new float[700_001];
        for (var i = 0; i < values.Length; i++)
            values[i] = i % 7 == 0 ? 0 : i;
        var tensor = new MemoryTensor("t", DType.F32, [700_001], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        Assert.Equal(new TensorStatistics(700_001, 100_001, 0), TensorStatistics.Of(tensor));
    }

    [Fact]
    public void Statistics_OfNoElements_AreZero()
    {
        var statistics = TensorStatistics.Of(new MemoryTensor("t", DType.F32, [0, 4], []));
        Assert.Equal((0, 0L, 0.0), (statistics.Elements, statistics.Zeros, statistics.Sparsity));
    }
}
