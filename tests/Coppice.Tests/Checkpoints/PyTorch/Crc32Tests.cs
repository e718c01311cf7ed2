using System.Text;
using Coppice.Checkpoints.PyTorch;

namespace Coppice.Tests.Checkpoints.PyTorch;

public sealed class Crc32Tests
{
    [Fact]
    public void Of_CheckString_IsTheStandardsValue() => Assert.Equal(0xCBF43926u, Crc32.Of(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Of_AnyLength_EqualsScalar()
    {
        var bytes = new byte[700];
        new Random(1).NextBytes(bytes);
        for (var length = 0; length <= bytes.Length; length++)
            Assert.Equal(~Crc32.Scalar(~0u, bytes.AsSpan(0, length)), Crc32.Of(bytes.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(999)]
    [InlineData(1000)]
    public void Join_TwoPieces_IsTheWhole(int split)
    {
        var bytes = new byte[1000];
        new Random(2).NextBytes(bytes);
        Assert.Equal(Crc32.Of(bytes), Crc32.Join(Crc32.Of(bytes.AsSpan(0, split)), Crc32.Of(bytes.AsSpan(split)), bytes.Length - split));
    }
}
