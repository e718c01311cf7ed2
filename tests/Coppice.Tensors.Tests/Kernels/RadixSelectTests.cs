using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests.Kernels;

public sealed class RadixSelectTests
{
    public static TheoryData<DType, int> Cases =>
        [.. from dtype in new[] { DType.F32, DType.F64, DType.F16 } from count in new[] { 0, 1, 5, 4099 } select (dtype, count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void CountFirst_RandomBits_CountsUpperFifteenBitsOfEachKey(DType dtype, int count)
    {
        var bits = MaskKernelsTests.RandomBits(dtype, count, seed: 5);
        var tables = new uint[RadixSelect.FirstTableLength];
        RadixSelect.CountFirst(bits, dtype.ByteSize(), tables);
        var digits = new long[1 << 15];
        RadixSelect.FoldFirst(tables, digits);
        var expected = new long[1 << 15];
        foreach (var key in MaskKernelsTests.Keys(bits, dtype))
            expected[key >> (dtype.BitSize() - 16)]++;
        Assert.Equal(expected, digits);
    }

    [Theory]
    [InlineData(DType.F32, 0)]
    [InlineData(DType.F64, 0)]
    [InlineData(DType.F64, 32)]
    public void CountNext_SomeKeysUnderThePrefix_CountsTheirDigitAlone(DType dtype, int shift)
    {
        var bits = MaskKernelsTests.RandomBits(dtype, 1003, seed: 6);
        var size = dtype.ByteSize();
        // Every fifth key shares the first one's prefix, whatever its sign.
        for (var i = 5; i < 1003; i += 5)
            for (var b = (shift + 16) / 8; b < size; b++)
                bits[i * size + b] = (byte)(bits[b] ^ (b == size - 1 && i % 2 == 0 ? 0x80 : 0));
        var keys = MaskKernelsTests.Keys(bits, dtype);
        var prefix = keys[0] >> (shift + 16);
        var table = new uint[RadixSelect.NextTableLength];
        RadixSelect.CountNext(bits, size, shift, prefix, table);
        var expected = new uint[RadixSelect.NextTableLength];
        foreach (var key in keys.Where(key => key >> (shift + 16) == prefix))
            expected[(key >> shift) & 0xFFFF]++;
        Assert.Equal(expected, table);
        Assert.True(expected.Sum(n => n) >= 200);
    }
}
