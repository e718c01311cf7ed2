using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class BertNormalizerTests
{
    [Theory]
    [InlineData("a\u0000b\uFFFDc\u200Bd", "abcd")]
    [InlineData("a\tb\u3000c", "a b c")]
    [InlineData("a\u4E2Db", "a \u4E2D b")]
    [InlineData("CAFÉ ΣΑΣ İ", "cafe σασ i")]
    public void Normalize_Uncased_CleansSpacesStripsAndLowers(string text, string expected) =>
        Assert.Equal(expected, new BertNormalizer(true, true, true, true).Normalize(text));

    [Fact]
    public void Normalize_LowerCaseAlone_KeepsAccents() =>
        Assert.Equal("é\u4E2Di\u0307\u200B", new BertNormalizer(false, false, false, true).Normalize("É\u4E2Dİ\u200B"));

    [Fact]
    public void Normalize_NothingAsked_IsTheTextItself() =>
        Assert.Equal("É\u4E2D\t\U0001D4B3", new BertNormalizer(false, false, false, false).Normalize("É\u4E2D\t\U0001D4B3"));

    [Theory]
    [InlineData(" don't  stop", "don|'|t|stop")]
    [InlineData("$5\u3002\u201Cx\u201D", "$|5|\u3002|\u201C|x|\u201D")]
    [InlineData("\u00D72 \U0001F642", "\u00D72|\U0001F642")]
    public void Words_SplitsAtSpaceAndPunctuation(string text, string words) =>
        Assert.Equal(words.Split('|'), BertNormalizer.Words(text).Select(w => w.ToString()));
}
