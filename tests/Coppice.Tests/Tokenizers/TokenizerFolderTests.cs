using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class TokenizerFolderTests
{
    [Fact]
    public void Open_NoFolder_SaysSo() =>
        Assert.Contains("no such folder", Error(Path.Combine(Path.GetTempPath(), "coppice-none")).Message);

    [Fact]
    public void Open_EmptyFolder_NamesTheFilesLookedFor()
    {
        using var folder = new TemporaryFolder();
        var message = Error(folder.Path).Message;
        foreach (var file in (string[])["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt"])
            Assert.Contains(file, message);
    }

    [Theory]
    [InlineData("", "not valid tokenizer JSON")]
    [InlineData("{\"a\":", "not valid tokenizer JSON")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("{}", "the vocabulary is empty")]
    [InlineData("{\"a\":0,\"b\":0}", "share id 0")]
    [InlineData("{\"a\":0,\"a\":1}", "occurs twice")]
    [InlineData("{\"a\":-1}", "has id -1")]
    [InlineData("{\"a\":2000000000}", "has id 2000000000")]
    [InlineData("{\"a\":\"x\"}", "not a whole number")]
    [InlineData("{\"a\":1.5}", "not a whole number")]
    [InlineData("{\"\\ud800\":1}", "not valid tokenizer JSON")]
    [InlineData("{\"a\":0}", "no token '\u0100' for the byte 0x00")]
    public void Open_MalformedVocabJson_NamesFileAndFault(string json, string fault)
    {
        using var folder = new TemporaryFolder().With("vocab.json", json).With("merges.txt", "#version: 0.2\n");
        var error = Error(folder.Path);
        Assert.Contains("vocab.json", error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Theory]
    [InlineData("#version: 0.2\nt h e\n", "needs the token")]
    [InlineData("#version: 0.2\nt h\nthe\n", "line 3 is 'the'")]
    [InlineData("\u0120 \u6A21\n", "needs the token")]
    public void Open_MalformedMerges_NamesFileAndLine(string merges, string fault)
    {
        using var folder = new TemporaryFolder().WithSample("gpt2-student", "vocab.json").With("merges.txt", merges);
        var error = Error(folder.Path);
        Assert.Contains("merges.txt", error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Theory]
    [InlineData("[UNK]\n[CLS]\n[SEP]\na\na\n", "stands on lines 4 and 5")]
    [InlineData("a\nb\n", "lacks [CLS] or [SEP]")]
    [InlineData("[CLS]\n[SEP]\n", "needs an unknown token")]
    [InlineData("", "the vocabulary is empty")]
    public void Open_MalformedVocabTxt_NamesFileAndFault(string lines, string fault)
    {
        using var folder = new TemporaryFolder().With("vocab.txt", lines);
        var error = Error(folder.Path);
        Assert.Contains("vocab.txt", error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Fact]
    public void Open_VocabTxtNotUtf8_SaysSo()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(Path.Combine(folder.Path, "vocab.txt"), [.. "[UNK]\n"u8, 0xFF, 0xFE]);
        Assert.Contains("not UTF-8", Error(folder.Path).Message);
    }

    [Theory]
    [InlineData("""{"pad_token": "[NONE]"}""", "pad_token is '[NONE]'")]
    [InlineData("""{"added_tokens_decoder": {"x": {"content": "a"}}}""", "not valid tokenizer JSON")]
    [InlineData("""{"added_tokens_decoder": {"99999999999": {"content": "a"}}}""", "not valid tokenizer JSON")]
    [InlineData("""{"added_tokens_decoder": {"4096": {}}}""", "\"content\" is missing")]
    [InlineData("""{"added_tokens_decoder": {"4096": {"content": ""}}}""", "is empty")]
    [InlineData("""{"added_tokens_decoder": {"5": {"content": "<x>"}}}""", "has id 5")]
    [InlineData("""{"added_tokens_decoder": {"2000000000": {"content": "<x>"}}}""", "has id 2000000000")]
    [InlineData("""{"added_tokens_decoder": {"4096": {"content": "<x>"}, "4096": {"content": "<y>"}}}""", "which is '<x>'")]
    [InlineData("""{"added_tokens_decoder": {"4096": {"content": "the"}}}""", "but 4096 as an added token")]
    [InlineData("""{"bos_token": {}}""", "\"content\" is missing")]
    [InlineData("""{"tokenizer_class": "CLIPTokenizer"}""", "says CLIPTokenizer")]
    [InlineData("""{"tokenizer_class": "RobertaTokenizerFast"}""", "needs cls_token and sep_token")]
    [InlineData("""{"bos_token": 5}""", "not valid tokenizer JSON")]
    public void Open_MalformedConfig_NamesTheFault(string config, string fault)
    {
        using var folder = Gpt2().With("tokenizer_config.json", config);
        Assert.Contains(fault, Error(folder.Path).Message);
    }

    [Fact]
    public void Open_NoConfig_KnowsGpt2sSpecialToken()
    {
        using var folder = Gpt2();
        Assert.Equal(4095, Tokenizer.FromFolder(folder.Path).Special.Eos);
    }

    [Fact]
    public void Open_SpecialTokensMapAndAddedTokens_AreRead()
    {
        using var folder = Gpt2().With("special_tokens_map.json", """{"pad_token": {"content": "[PAD]"}, "bos_token": null}""")
            .With("added_tokens.json", """{"[PAD]": 4096}""");
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal(4096, tokenizer.Special.Pad);
        Assert.Null(tokenizer.Special.Bos);
        Assert.Equal([4096], tokenizer.Encode("[PAD]"));
    }

    [Fact]
    public void Open_Roberta_AddsItsTokens()
    {
        using var folder = Gpt2().With("tokenizer_config.json", """
            {"tokenizer_class": "RobertaTokenizer", "cls_token": "<s>", "sep_token": "</s>"}
            """).With("added_tokens.json", """{"<s>": 4096, "</s>": 4097}""");
        Assert.Equal([4096, .. GoldenTexts.Gpt2.Encode("a"), 4097], Tokenizer.FromFolder(folder.Path).Encode("a"));
    }

    [Fact]
    public void Open_BertFilesOfAnotherClass_SaysSo()
    {
        using var folder = new TemporaryFolder().WithSample("bert-thucnews", "vocab.txt")
            .With("tokenizer_config.json", """{"tokenizer_class": "EsmTokenizer"}""");
        Assert.Contains("says EsmTokenizer", Error(folder.Path).Message);
    }

    [Fact]
    public void Open_AddBosToken_PutsItFirst()
    {
        using var folder = Gpt2().With("tokenizer_config.json", """{"add_bos_token": true}""");
        Assert.Equal(4095, Tokenizer.FromFolder(folder.Path).Encode("a")[0]);
    }

    [Theory]
    [InlineData("stories260K", "tokenizer.json")]
    [InlineData("gpt2-student", "tokenizer_config.json")]
    public void Open_CorruptedBytes_OpensOrThrowsTokenizerException(string model, string file)
    {
        var intact = File.ReadAllBytes(TestData.InRepository("samples", "models", model, file));
        var random = new Random(4);
        using var folder = Gpt2();
        for (var round = 0; round < 60; round++)
        {
            var bytes = intact[..random.Next(intact.Length / 2, intact.Length + 1)];
            if (round % 2 == 0)
                bytes = [.. intact];
            for (var flips = random.Next(1, 5); flips > 0; flips--)
                bytes[random.Next(bytes.Length)] = (byte)"\"\\{}[]:,0a\n\xFF"[random.Next(12)];
            File.WriteAllBytes(Path.Combine(folder.Path, file), bytes);
            if (Record.Exception(() => Tokenizer.FromFolder(folder.Path)) is { } error)
                Assert.IsType<TokenizerException>(error);
        }
    }

    private static TemporaryFolder Gpt2() =>
        new TemporaryFolder().WithSample("gpt2-student", "vocab.json").WithSample("gpt2-student", "merges.txt");

    private static TokenizerException Error(string folder) => Assert.Throws<TokenizerException>(() => Tokenizer.FromFolder(folder));
}
