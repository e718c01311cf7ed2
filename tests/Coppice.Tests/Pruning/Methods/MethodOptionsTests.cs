using Coppice.Pruning;
using Coppice.Pruning.Methods;

namespace Coppice.Tests.Pruning.Methods;

public sealed class MethodOptionsTests
{
    public static TheoryData<MethodOptions, PruningMethod> Known => new()
    {
        { new("l1"), new MagnitudePruning() },
        { new("l1", "unstructured"), new MagnitudePruning() },
        { new("l1", "row"), new RowPruning() },
        { new("lamp"), new LampPruning() },
        { new("erk", "unstructured"), new ErkPruning() },
        { new("random"), new RandomPruning() },
        { new("random", "channel", Dim: -1), new RandomChannelPruning(-1) },
        { new("random-structured"), new RandomChannelPruning(0) },
        { new("l1", "channel", Dim: 1), new ChannelNormPruning(1, 1) },
        { new("l1", "channel", Norm: 2), new ChannelNormPruning(2, 0) },
        { new("ln"), new ChannelNormPruning(2, 0) },
        { new("ln", Norm: double.PositiveInfinity, Dim: 1), new ChannelNormPruning(double.PositiveInfinity, 1) },
        { new("l1", "2:4"), new NmPruning(2, 4) },
        { new("l1", "4x1"), new BlockPruning(4, 1, 1) },
        { new("ln", "16x1"), new BlockPruning(16, 1, 2) },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public void ToMethod_Known_GivesItAndItsOptionsGiveItAgain(MethodOptions options, PruningMethod method)
    {
        Assert.Equal(method, options.ToMethod());
        Assert.Equal(method, method.Options.ToMethod());
    }

    [Theory]
    [InlineData("magic", null)]
    [InlineData("ln", "unstructured")]
    [InlineData("random", "2:4")]
    [InlineData("random", "row")]
    [InlineData("lamp", "channel")]
    [InlineData("erk", "2:4")]
    [InlineData("l1", "2:")]
    [InlineData("l1", "-1x4")]
    [InlineData("l1", "")]
    public void ToMethod_Unknown_Throws(string method, string? granularity) =>
        Assert.Throws<PruningException>(() => new MethodOptions(method, granularity).ToMethod());

    [Theory]
    [InlineData("2", 2)]
    [InlineData("fro", 2)]
    [InlineData("inf", double.PositiveInfinity)]
    [InlineData("-inf", double.NegativeInfinity)]
    [InlineData("0.5", 0.5)]
    public void ParseNorm_Known_IsRead(string text, double norm) => Assert.Equal(norm, MethodOptions.ParseNorm(text));

    [Theory]
    [InlineData("nuc")]
    [InlineData("NaN")]
    public void ParseNorm_Unknown_Throws(string text) => Assert.Throws<PruningException>(() => MethodOptions.ParseNorm(text));
}
