using Coppice.Graphs;

namespace Coppice.Tests.Graphs;

public sealed class SymbolicDimTests
{
    private static readonly SampleSizes Samples = new(new Dictionary<string, int> { ["b"] = 2, ["t"] = 6 });

    public static TheoryData<Func<int, int, int>, string> Dims => new()
    {
        { (b, t) => 7, "7" }, { (b, t) => -1, "-1" }, { (b, t) => b, "b" }, { (b, t) => t - 1, "t - 1" }, { (b, t) => 4 * t + 3, "4*t + 3" },
        { (b, t) => 10 - b, "-1*b + 10" }, { (b, t) => t / 3, "t/3" }, { (b, t) => b * t, "b*t" }, { (b, t) => 5 * b * t / 4, "5*b*t/4" },
    };

    [Theory]
    [MemberData(nameof(Dims))]
    public void Fit_OfWhatCanBeTold_TellsIt(Func<int, int, int> size, string text)
    {
        var dim = Fit(size);
        Assert.Equal(text, dim?.ToString());
        Assert.Equal(size(4, 12), dim!.Evaluate(new Dictionary<string, int> { ["b"] = 4, ["t"] = 12 }));
        Assert.Equal(dim, Fit(size));
        Assert.Equal(text.All(c => c is '-' or (>= '0' and <= '9')) ? int.Parse(text) : null, dim.Constant);
    }

    [Fact]
    public void Fit_OfSquaresAndSums_IsNull()
    {
        Assert.Null(Fit((b, t) => t * t));
        Assert.Null(Fit((b, t) => b + t));
        Assert.Null(Fit((b, t) => (t + 4) / 4));
    }

    [Fact]
    public void Evaluate_WhereThereIsNoValue_SaysSo()
    {
        var sizes = new Dictionary<string, int> { ["t"] = 7 };
        Assert.Contains("'t/3' has no whole value where t = 7",
            Assert.Throws<GraphException>(() => Fit((b, t) => t / 3)!.Evaluate(sizes)).Message, StringComparison.Ordinal);
        Assert.Throws<GraphException>(() => SymbolicDim.Symbol("b").Evaluate(sizes));
        Assert.Throws<GraphException>(() => SymbolicDim.Unknown.Evaluate(sizes));
        Assert.Throws<GraphException>(() => Fit((b, t) => 4 * t)!.Evaluate(new Dictionary<string, int> { ["t"] = int.MaxValue }));
    }

    private static SymbolicDim? Fit(Func<int, int, int> size) =>
        SymbolicDim.Fit(Samples, [.. Enumerable.Range(0, Samples.Count).Select(i => size(Samples[i]["b"], Samples[i]["t"]))]);
}
