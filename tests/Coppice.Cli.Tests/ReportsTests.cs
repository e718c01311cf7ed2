namespace Coppice.Cli.Tests;

public sealed class ReportsTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 kB")]
    [InlineData(11791837, "11.25 MB")]
    [InlineData(3L << 30, "3.00 GB")]
    public void Bytes_OfASize_AreReadable(long bytes, string expected) => Assert.Equal(expected, Reports.Bytes(bytes));

    [Fact]
    public void Percent_OfAFraction_HasTwoDecimals() => Assert.Equal("30.00 %", Reports.Percent(0.3));
}
