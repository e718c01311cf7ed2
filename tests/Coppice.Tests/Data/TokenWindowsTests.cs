using Coppice.Data;

namespace Coppice.Tests.Data;

public sealed class TokenWindowsTests
{
    [Fact]
    public void Windows_GoldenSetting_ScoreAsManyTokensAsPyTorchDid()
    {
        // tests/Golden/gpt2-student/baseline.json: 100 windows, 25,500 tokens.
        var windows = new TokenWindows(Ids(40_000), context: 256, stride: 256, maxWindows: 100);
        Assert.Equal(100, windows.Count);
        Assert.Equal(25_500, windows.Sum(w => w.Targets));
        Assert.All(windows, w => Assert.Equal((256, 1), (w.Ids.Length, w.FirstTarget)));
        Assert.Equal(99 * 256, windows[99].Ids.Span[0]);
    }

    [Fact]
    public void Windows_WithOverlap_ScoreTheLastStrideIds()
    {
        var windows = new TokenWindows(Ids(9), context: 4, stride: 2);
        Assert.Equal([(0, 4, 1), (2, 4, 2), (4, 4, 2), (6, 3, 2)], windows.Select(w => (w.Start, w.Ids.Length, w.FirstTarget)));
    }

    [Fact]
    public void Windows_AnySize_ScoreWhatTheSlidingWindowProtocolScores()
    {
        for (var tokens = 2; tokens < 30; tokens++)
            for (var context = 2; context < 12; context++)
                for (var stride = 1; stride <= context; stride++)
                {
                    var scored = new TokenWindows(Ids(tokens), context, stride).SelectMany(w => w.Ids[w.FirstTarget..].ToArray());
                    Assert.Equal(Protocol(tokens, context, stride), scored);
                }
    }

    [Fact]
    public void Windows_MaxWindowsBeyondTheText_GivesAll() => Assert.Equal(3, new TokenWindows(Ids(12), 4, 4, 1000).Count);

    [Fact]
    public void Windows_OneLeftOverToken_IsNoWindow() => Assert.Equal(2, new TokenWindows(Ids(9), 4, 4).Count);

    [Theory]
    [InlineData(10, 1, 1, null)]
    [InlineData(10, 4, 0, null)]
    [InlineData(10, 4, 5, null)]
    [InlineData(10, 4, 4, 0)]
    [InlineData(1, 4, 4, null)]
    public void Arguments_OutOfRange_Throw(int tokens, int context, int stride, int? windows) =>
        Assert.ThrowsAny<ArgumentException>(() => new TokenWindows(Ids(tokens), context, stride, windows));

    // The loop as usually written: slide until a window reaches the end, score what no earlier window showed.
    private static List<int> Protocol(int tokens, int context, int stride)
    {
        var (scored, shown) = (new List<int>(), 0);
        for (var begin = 0; shown < tokens; begin += stride)
        {
            var end = Math.Min(begin + context, tokens);
            scored.AddRange(Enumerable.Range(shown, end - shown).Where(id => id > begin));
            shown = end;
        }
        return scored;
    }

    private static int[] Ids(int count) => [.. Enumerable.Range(0, count)];
}
