using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests.Kernels;

public sealed class MaskKernelsTests
{
    private static readonly DType[] Types = [DType.F32, DType.F64, DType.F16, DType.BF16];

    public static TheoryData<DType, int> Cases => [.. from dtype in Types from count in new[] { 0, 1, 7, 64, 1001 } select (dtype, count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void CountAtMost_RandomBits_EqualsScalarCount(DType dtype, int count)
    {
        var bits = RandomBits(dtype, count, seed: 1);
        foreach (var limit in Limits(dtype))
            Assert.Equal(Keys(bits, dtype).Count(key => key <= limit), MaskKernels.CountAtMost(bits, dtype.ByteSize(), limit));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ZeroAtMost_Strict_ZeroesExactlyTheKeysUpToTheLimit(DType dtype, int count)
    {
        var size = dtype.ByteSize();
        foreach (var limit in Limits(dtype))
        {
            var before = RandomBits(dtype, count, seed: 2);
            var after = (byte[])before.Clone();
            var pruned = MaskKernels.ZeroAtMost(after, dtype, limit, keepSign: false);
            var keys = Keys(before, dtype);
            Assert.Equal(keys.Count(key => key <= limit), pruned);
            for (var i = 0; i < count; i++)
                Assert.Equal(keys[i] <= limit ? new byte[size] : before[(i * size)..((i + 1) * size)], after[(i * size)..((i + 1) * size)]);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ZeroLanes_KeepSign_EqualsMultiplicationByZero(DType dtype, int count)
    {
        var size = dtype.ByteSize();
        var before = RandomBits(dtype, count, seed: 3);
        var lanes = new byte[before.Length];
        for (var i = 0; i < count; i += 3)
            lanes.AsSpan(i * size, size).Fill(255);
        var after = (byte[])before.Clone();
        Assert.Equal((count + 2) / 3, MaskKernels.ZeroLanes(after, dtype, lanes, keepSign: true));
        for (var i = 0; i < count; i++)
        {
            var (old, now) = (Value(before, dtype, i), Value(after, dtype, i));
            Assert.Equal(i % 3 == 0 ? old * 0 : old, now);
            Assert.True(double.IsNaN(now) || double.IsNegative(old) == double.IsNegative(now));
        }
    }

    [Fact]
    public void ZeroAtMost_KeepSignPastInfinity_GivesNaNForInfinities()
    {
        float[] values = [1, -2, float.PositiveInfinity, float.NegativeInfinity, float.NaN, -0f];
        var bytes = values.SelectMany(BitConverter.GetBytes).ToArray();
        Assert.Equal(6, MaskKernels.ZeroAtMost(bytes, DType.F32, int.MaxValue, keepSign: true));
        uint[] bits = [.. Enumerable.Range(0, 6).Select(i => BitConverter.ToUInt32(bytes, i * 4))];
        Assert.Equal([0u, 0x80000000u], bits[..2]);
        Assert.All(bits[2..5], b => Assert.True(float.IsNaN(BitConverter.UInt32BitsToSingle(b))));
        Assert.Equal(0x80000000u, bits[5]);
    }

    [Fact]
    public void ZeroLanes_OtherLength_Throws() =>
        Assert.Throws<ArgumentException>(() => MaskKernels.ZeroLanes(new byte[8], DType.F32, new byte[4], keepSign: false));

    [Fact]
    public void InfinityKey_UnrankedType_SaysWhatToDo() =>
        Assert.Contains("convert", Assert.Throws<NotSupportedException>(() => MaskKernels.InfinityKey(DType.F8E4M3)).Message,
            StringComparison.Ordinal);

    /// <summary>Any bit pattern, NaN and infinities among them.</summary>
    internal static byte[] RandomBits(DType dtype, int count, int seed)
    {
        var bits = new byte[count * dtype.ByteSize()];
        new Random(seed).NextBytes(bits);
        return bits;
    }

    internal static long[] Keys(byte[] bits, DType dtype) =>
        [.. Enumerable.Range(0, bits.Length / dtype.ByteSize()).Select(i => dtype.ByteSize() switch
    {
        2 => BitConverter.ToInt16(bits, i * 2) & short.MaxValue,
        4 => BitConverter.ToInt32(bits, i * 4) & int.MaxValue,
        _ => BitConverter.ToInt64(bits, i * 8) & long.MaxValue,
    })];

    private static long[] Limits(DType dtype) =>
        [-1, 0, MaskKernels.InfinityKey(dtype) / 2, MaskKernels.InfinityKey(dtype), (1L << (dtype.BitSize() - 2)) * 2 - 1];

    private static double Value(byte[] bits, DType dtype, int i) => dtype switch
    {
        DType.F32 => BitConverter.ToSingle(bits, i * 4),
        DType.F64 => BitConverter.ToDouble(bits, i * 8),
        DType.F16 => (double)BitConverter.ToHalf(bits, i * 2),
        _ => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bits, i * 2) << 16),
    };
}
