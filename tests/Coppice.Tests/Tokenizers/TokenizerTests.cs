using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class TokenizerTests
{
    private const string First = "\u4E2D\u6587";
    private const string Second = "\u65E5\u672C\u4EBA";

    [Fact]
    public void EncodePair_Bert_MarksTheSecondTextWithTypeOne()
    {
        var encoding = GoldenTexts.Bert.EncodePair(First, Second, new EncodingOptions { MaxLength = 10, PadToMaxLength = true });
        Assert.Equal([101, .. Plain(First), 102, .. Plain(Second), 102, 0, 0], encoding.Ids);
        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1, 0, 0], encoding.TypeIds);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], encoding.AttentionMask);
    }

    [Fact]
    public void EncodePair_TooLong_CutsTheLongerText()
    {
        var encoding = GoldenTexts.Bert.EncodePair(First, Second, new EncodingOptions { MaxLength = 6 });
        Assert.Equal([101, .. Plain(First), 102, Plain(Second)[0], 102], encoding.Ids);
    }

    [Fact]
    public void Encode_TooLong_KeepsTheSpecialTokens()
    {
        var encoding = GoldenTexts.Bert.Encode(Second, new EncodingOptions { MaxLength = 4 });
        Assert.Equal([101, .. Plain(Second)[..2], 102], encoding.Ids);
    }

    [Fact]
    public void Encode_WithoutSpecialTokens_UsesTheWholeLength()
    {
        var encoding = GoldenTexts.Bert.Encode(Second, new EncodingOptions { MaxLength = 3, AddSpecialTokens = false });
        Assert.Equal(Plain(Second), encoding.Ids);
    }

    [Fact]
    public void Encode_NoRoomForSpecialTokens_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GoldenTexts.Bert.Encode(First, new EncodingOptions { MaxLength = 1 }));

    [Fact]
    public void Encode_PaddingWithoutLength_Throws() =>
        Assert.Throws<ArgumentException>(() => GoldenTexts.Bert.Encode(First, new EncodingOptions { PadToMaxLength = true }));

    [Fact]
    public void Encode_PaddingWithoutPadToken_SaysWhatToDo() => Assert.Contains("pad_token", Assert.Throws<InvalidOperationException>(
        () => GoldenTexts.Gpt2.Encode("a", new EncodingOptions { MaxLength = 9, PadToMaxLength = true })).Message);

    [Fact]
    public void Encode_EmptyText_IsTheSpecialTokensAlone()
    {
        Assert.Empty(GoldenTexts.Gpt2.Encode(""));
        Assert.Equal([101, 102], GoldenTexts.Bert.Encode(""));
        Assert.Equal([1], GoldenTexts.Llama.Encode(""));
    }

    [Fact]
    public void Special_SampleModels_AreKnownByRole()
    {
        Assert.Equal(new SpecialTokens { Bos = 4095, Eos = 4095, Unk = 4095 }, GoldenTexts.Gpt2.Special);
        Assert.Equal(new SpecialTokens { Unk = 100, Pad = 0, Cls = 101, Sep = 102, Mask = 103 }, GoldenTexts.Bert.Special);
        Assert.Equal(new SpecialTokens { Bos = 1, Eos = 2, Unk = 0 }, GoldenTexts.Llama.Special);
    }

    [Fact]
    public void TokenOf_IdOf_AreInverse()
    {
        foreach (var tokenizer in (Tokenizer[])[GoldenTexts.Gpt2, GoldenTexts.Bert, GoldenTexts.Llama])
            for (var id = 0; id < tokenizer.VocabSize; id++)
                Assert.Equal(id, tokenizer.IdOf(tokenizer.TokenOf(id)));
        Assert.Null(GoldenTexts.Gpt2.IdOf("no such token"));
    }

    private static int[] Plain(string text) => GoldenTexts.Bert.Encode(text, addSpecialTokens: false);
}
