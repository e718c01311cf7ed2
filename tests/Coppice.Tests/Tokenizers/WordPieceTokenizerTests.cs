using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class WordPieceTokenizerTests
{
    private const string CasedVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nA\nun\n##aff\n##able\nCaf\n##é\n!\n,\n\u4E2D\n";

    [Fact]
    public void Encode_GoldenHeadlines_CutAndPaddedTo32_GivesTheSameIds()
    {
        var options = new EncodingOptions { MaxLength = 32, PadToMaxLength = true };
        var examples = GoldenTexts.Read("bert-thucnews", "tokens.json");
        Assert.NotEmpty(examples);
        foreach (var (text, ids) in examples)
        {
            var encoding = GoldenTexts.Bert.Encode(text, options);
            Assert.Equal(ids, encoding.Ids);
            Assert.Equal(ids.Select(id => id == 0 ? 0 : 1), encoding.AttentionMask);
        }
    }

    [Fact]
    public void Encode_RandomUnicode_GivesTheSameIds()
    {
        foreach (var (text, ids) in GoldenTexts.Read("bert-thucnews", "tokens-unicode.json"))
            Assert.Equal(ids, GoldenTexts.Bert.Encode(text));
    }

    [Fact]
    public void Encode_CasedVocabulary_KeepsCaseAndAccents()
    {
        using var folder = new TemporaryFolder().With("vocab.txt", CasedVocabulary);
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal([2, 6, 7, 8, 12, 9, 10, 11, 13, 5, 3], tokenizer.Encode("unaffable,Café!\u4E2DA"));
        Assert.Equal([2, 1, 1, 3], tokenizer.Encode("Unaffable café"));
    }

    [Fact]
    public void Encode_ConfigAsksForLowerCase_Obeys()
    {
        using var folder = new TemporaryFolder().With("vocab.txt", CasedVocabulary + "caf\n##e\n")
            .With("tokenizer_config.json", """{"do_lower_case": true, "tokenize_chinese_chars": false}""");
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal([2, 14, 15, 3], tokenizer.Encode("CAFÉ"));
        Assert.Equal([2, 1, 3], tokenizer.Encode("\u4E2Dun"));
    }

    [Fact]
    public void Encode_WordOfMoreThan100CodePoints_IsUnknown()
    {
        Assert.Equal([101, 100, 102], GoldenTexts.Bert.Encode(new string('a', 101)));
        Assert.DoesNotContain(100, GoldenTexts.Bert.Encode(new string('a', 100)));
    }

    [Fact]
    public void Decode_Words_JoinsPiecesAndClosingPunctuation()
    {
        using var folder = new TemporaryFolder().With("vocab.txt", CasedVocabulary);
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        var ids = tokenizer.Encode("unaffable, A Café!");
        Assert.Equal("unaffable, A Café!", tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal("[CLS] unaffable, A Café! [SEP]", tokenizer.Decode(ids));
    }
}
