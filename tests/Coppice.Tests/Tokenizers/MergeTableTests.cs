using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class MergeTableTests
{
    private static readonly Vocabulary Letters = new(
        ((string[])["a", "b", "c", "bc", "ab", "aa", "abc", "a b"]).Index().ToDictionary(t => t.Item, t => t.Index), "test");

    private static readonly MergeTable Merges = new([("b", "c"), ("a", "b"), ("a", "a"), ("a", "bc")], Letters, "test");

    [Theory]
    [InlineData(new int[0], new int[0])]
    [InlineData(new[] { 2 }, new[] { 2 })]
    [InlineData(new[] { 0, 1, 2 }, new[] { 6 })]
    [InlineData(new[] { 0, 1, 0 }, new[] { 4, 0 })]
    [InlineData(new[] { 0, 0, 0 }, new[] { 5, 0 })]
    [InlineData(new[] { 0, 0, 1, 2 }, new[] { 5, 3 })]
    public void Apply_LowestRankFirstThenLeftmost(int[] symbols, int[] expected) =>
        Assert.Equal(expected, symbols[..Merges.Apply(symbols)]);

    [Fact]
    public void Apply_RandomSymbols_EqualsMergingPassByPass()
    {
        var random = new Random(3);
        (int, int, int)[] ranked = [(1, 2, 3), (0, 1, 4), (0, 0, 5), (0, 3, 6)];
        for (var round = 0; round < 300; round++)
        {
            var symbols = Enumerable.Range(0, random.Next(30)).Select(_ => random.Next(3)).ToArray();
            var expected = symbols.ToList();
            foreach (var (left, right, id) in ranked)
                for (var i = 0; i + 1 < expected.Count; i++)
                    if (expected[i] == left && expected[i + 1] == right)
                    {
                        expected[i] = id;
                        expected.RemoveAt(i + 1);
                    }
            Assert.Equal(expected, symbols[..Merges.Apply(symbols)]);
        }
    }

    [Theory]
    [InlineData("a b", "a", "b")]
    [InlineData("a b c", "a b", "c")]
    [InlineData("c a b", "c", "a b")]
    public void Split_CutsBetweenKnownTokens(string merge, string left, string right) =>
        Assert.Equal((left, right), MergeTable.Split(merge, Letters));

    [Theory]
    [InlineData("ab")]
    [InlineData(" ab")]
    [InlineData("ab ")]
    [InlineData("")]
    public void Split_NotTwoTokens_IsNull(string merge) => Assert.Null(MergeTable.Split(merge, Letters));

    [Fact]
    public void Constructor_UnknownToken_NamesMergeAndToken()
    {
        var error = Assert.Throws<TokenizerException>(() => new MergeTable([("b", "c"), ("c", "c")], Letters, "merges.txt"));
        Assert.Contains("merge 2, 'c c', needs the token 'cc'", error.Message);
    }
}
