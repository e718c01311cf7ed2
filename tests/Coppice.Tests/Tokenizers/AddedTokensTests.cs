using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class AddedTokensTests
{
    private static readonly AddedTokens Tokens = new(
    [
        new(0, "<a>", Special: true),
        new(1, "<a><b>", Special: true),
        new(2, "cat", Special: false, SingleWord: true),
    ]);

    [Theory]
    [InlineData("x<a>y", 0, 0, 1)]
    [InlineData("<<a><b>", 0, 1, 1)]
    [InlineData("<a> <a>", 1, 0, 4)]
    [InlineData("concat cat", 0, 2, 7)]
    [InlineData("cats _cat", 0, null, 9)]
    [InlineData("<b>", 0, null, 3)]
    public void Next_FindsTheLeftmostThenLongest(string text, int start, int? id, int position)
    {
        Assert.Equal(id, Tokens.Next(text, start, out var found)?.Id);
        Assert.Equal(position, found);
    }

    [Fact]
    public void Encode_StrippingToken_TakesTheWhiteSpaceAround()
    {
        using var folder = new TemporaryFolder().WithSample("gpt2-student", "vocab.json").WithSample("gpt2-student", "merges.txt")
            .With("tokenizer_config.json", """
                {
                  "added_tokens_decoder": {"4096": {"content": "<mask>", "lstrip": true, "rstrip": true, "special": true}},
                  "mask_token": "<mask>"
                }
                """);
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal([.. tokenizer.Encode("a"), 4096, .. tokenizer.Encode("b")], tokenizer.Encode("a  <mask> b"));
        Assert.Equal(4097, tokenizer.VocabSize);
        Assert.Equal(4096, tokenizer.Special.Mask);
    }
}
