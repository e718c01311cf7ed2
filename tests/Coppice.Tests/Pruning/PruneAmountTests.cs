using Coppice.Pruning;

namespace Coppice.Tests.Pruning;

public sealed class PruneAmountTests
{
    [Theory]
    [InlineData("0.5", 5, 2)]
    [InlineData("0.5", 7, 4)]
    [InlineData("0.25", 10, 2)]
    [InlineData("0.3", 17, 5)]
    [InlineData("1.0", 17, 17)]
    [InlineData("1e-1", 25, 2)]
    [InlineData("1", 17, 1)]
    [InlineData("0", 17, 0)]
    public void Of_Amount_RoundsHalvesToEven(string text, long size, long expected) =>
        Assert.Equal(expected, PruneAmount.Parse(text).Of(size, "weights"));

    [Theory]
    [InlineData("1.7")]
    [InlineData("-0.2")]
    [InlineData("-1")]
    [InlineData("abc")]
    [InlineData("NaN")]
    [InlineData("")]
    [InlineData("99999999999999999999999999")]
    public void Parse_NoAmount_Throws(string text) => Assert.Throws<PruningException>(() => PruneAmount.Parse(text));

    [Fact]
    public void Of_CountAboveSize_NamesBoth()
    {
        var message = Assert.Throws<PruningException>(() => PruneAmount.Count(9).Of(5, "weights of 'fc.weight'")).Message;
        Assert.Contains("9", message, StringComparison.Ordinal);
        Assert.Contains("5 weights of 'fc.weight'", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.3")]
    [InlineData("1.0")]
    [InlineData("0.0")]
    [InlineData("1E-05")]
    [InlineData("12")]
    public void ToString_Amount_ParsesBack(string text) =>
        Assert.Equal(PruneAmount.Parse(text), PruneAmount.Parse(PruneAmount.Parse(text).ToString()));
}
