using Coppice.Evaluation;

namespace Coppice.Tests.Evaluation;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("2MB", 2 << 20)]
    [InlineData("800 kb", 800 << 10)]
    [InlineData("4096B", 4096)]
    [InlineData("0.5GB", 1 << 29)]
    [InlineData("2", null)]
    [InlineData("-2MB", null)]
    [InlineData("MB", null)]
    [InlineData("1e400B", null)]
    public void Bytes_Text_IsThat(string text, int? bytes) => Assert.Equal(bytes, Quantity.Bytes(text));

    [Theory]
    [InlineData("8ms", 8.0)]
    [InlineData("0.5s", 500.0)]
    [InlineData("900us", 0.9)]
    [InlineData("8", null)]
    [InlineData("0ms", null)]
    public void Milliseconds_Text_IsThat(string text, double? milliseconds)
    {
        if (milliseconds is { } expected)
            Assert.Equal(expected, Quantity.Milliseconds(text)!.Value, 1e-9);
        else
            Assert.Null(Quantity.Milliseconds(text));
    }
}
