using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class TokenDecoderTests
{
    [Fact]
    public void Append_EachId_AddsUpToDecode()
    {
        foreach (var tokenizer in (Tokenizer[])[GoldenTexts.Gpt2, GoldenTexts.Bert, GoldenTexts.Llama])
            foreach (var text in GoldenTexts.RandomTexts(seed: 10, count: 200))
            {
                var ids = tokenizer.Encode(text);
                var decoder = tokenizer.CreateDecoder(skipSpecialTokens: false);
                Assert.Equal(tokenizer.Decode(ids), string.Concat(ids.Select(decoder.Append)) + decoder.Flush());
            }
    }

    [Fact]
    public void Append_CharacterSpreadOverTokens_ComesOutWhole()
    {
        var ids = GoldenTexts.Gpt2.Encode("\u6A21");
        Assert.True(ids.Length > 1);
        var decoder = GoldenTexts.Gpt2.CreateDecoder();
        foreach (var id in ids[..^1])
            Assert.Equal("", decoder.Append(id));
        Assert.Equal("\u6A21", decoder.Append(ids[^1]));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void Flush_IncompleteCharacter_IsReplaced()
    {
        var ids = GoldenTexts.Gpt2.Encode("\u6A21");
        var decoder = GoldenTexts.Gpt2.CreateDecoder();
        decoder.Append(ids[0]);
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [Fact]
    public void Append_Continuation_KeepsTheFirstSpace()
    {
        var ids = GoldenTexts.Llama.Encode("Once upon", addSpecialTokens: false);
        Assert.Equal("Once", GoldenTexts.Llama.CreateDecoder().Append(ids[0]));
        Assert.Equal(" Once", GoldenTexts.Llama.CreateDecoder(continuation: true).Append(ids[0]));
    }

    [Fact]
    public void Append_SpecialToken_IsLeftOutWhenAsked()
    {
        Assert.Equal("", GoldenTexts.Gpt2.CreateDecoder().Append(4095));
        Assert.Equal("<|endoftext|>", GoldenTexts.Gpt2.CreateDecoder(skipSpecialTokens: false).Append(4095));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4096)]
    public void Append_UnknownId_NamesIt(int id) => Assert.Contains(
        "below 4096", Assert.Throws<ArgumentOutOfRangeException>(() => GoldenTexts.Gpt2.CreateDecoder().Append(id)).Message);
}
