using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests.Kernels;

public sealed class WindowKernelTests
{
    public static TheoryData<DType, int> Cases =>
        [.. from dtype in new[] { DType.F32, DType.F64 } from count in new[] { 0, 1, 7, 4099, 40_001 } select (dtype, count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gather_RandomBits_CountsAndGathersAsOneByOne(DType dtype, int count)
    {
        var bits = MaskKernelsTests.RandomBits(dtype, count, seed: 7);
        var size = dtype.ByteSize();
        for (var i = 0; i < count; i += 9)
            bits.AsSpan(i * size, size).Clear();
        var keys = MaskKernelsTests.Keys(bits, dtype);
        var sorted = keys.Order().ToArray();
        foreach (var (low, high) in new[] { (0L, long.MaxValue >> (64 - dtype.BitSize())), (1, 0), Window(0.4, 0.41), Window(0.2, 0.9) })
        {
            var inside = new byte[bits.Length];
            var counts = WindowKernel.Gather(bits, size, low, high, inside);
            var expected = keys.Where(key => key >= low && key <= high).ToArray();
            Assert.Equal(new WindowCounts(keys.LongCount(key => key < low), expected.Length, keys.LongCount(key => key == 0),
                keys.DefaultIfEmpty().Max()), counts);
            Assert.Equal(expected, MaskKernelsTests.Keys(inside[..(expected.Length * size)], dtype));
        }

        (long, long) Window(double from, double to) => count == 0 ? (0, 0) : (sorted[(int)(from * count)], sorted[(int)(to * count)]);
    }

    [Fact]
    public void Gather_TooLittleRoom_Throws() =>
        Assert.Throws<ArgumentException>(() => WindowKernel.Gather(new byte[8], sizeof(int), 0, 0, new byte[4]));
}
