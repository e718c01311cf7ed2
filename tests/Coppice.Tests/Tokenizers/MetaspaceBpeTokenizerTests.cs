using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class MetaspaceBpeTokenizerTests
{
    [Fact]
    public void Encode_GoldenTexts_GivesTheSameIds()
    {
        var examples = GoldenTexts.Read("stories260K", "tokens.json");
        Assert.NotEmpty(examples);
        foreach (var (text, ids) in examples)
        {
            Assert.Equal(ids, GoldenTexts.Llama.Encode(text));
            Assert.Equal(text, GoldenTexts.Llama.Decode(ids, skipSpecialTokens: true));
        }
    }

    [Fact]
    public void Decode_OfEncoded_IsTheTextItself()
    {
        foreach (var text in GoldenTexts.RandomTexts(seed: 9, count: 500).Where(t => !t.Contains('\u2581')))
            Assert.Equal(text, GoldenTexts.Llama.Decode(GoldenTexts.Llama.Encode(text, addSpecialTokens: false)));
    }

    [Fact]
    public void Encode_TokenHoldsTwoWords_MergesAcrossThem()
    {
        using var folder = Folder(["\u2581 a", "\u2581a \u2581a"]);
        Assert.Equal([5, 4], Tokenizer.FromFolder(folder.Path).Encode("a a a"));
    }

    [Fact]
    public void Encode_Unknown_IsOneTokenWhereFused()
    {
        using var folder = Folder(["\u2581 a"]);
        Assert.Equal([4, 0, 3], Tokenizer.FromFolder(folder.Path).Encode("axyza"));
        using var apart = Folder(["\u2581 a"], fuse: "false");
        Assert.Equal([4, 0, 0, 0, 3], Tokenizer.FromFolder(apart.Path).Encode("axyza"));
    }

    [Theory]
    [InlineData("always", new[] { 4, 1, 4 })]
    [InlineData("first", new[] { 4, 1, 3 })]
    [InlineData("never", new[] { 3, 1, 3 })]
    public void Encode_Metaspace_PrependsAsItsSchemeSays(string scheme, int[] ids)
    {
        var preTokenizer = $$"""{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"{{scheme}}","split":true}""";
        using var folder = Folder(["\u2581 a"], preTokenizer: preTokenizer);
        Assert.Equal(ids, Tokenizer.FromFolder(folder.Path).Encode("a<s>a"));
        Assert.Equal([4, 2, 4], Tokenizer.FromFolder(folder.Path).Encode(" a  a"));
    }

    /// <summary>A tokenizer of a few tokens; each merge adds one, from id 4 on.</summary>
    private static TemporaryFolder Folder(string[] merges, string fuse = "true", string? preTokenizer = null)
    {
        const string Normalizer = """
            {
              "type": "Sequence",
              "normalizers": [
                {"type": "Prepend", "prepend": "\u2581"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
              ]
            }
            """;
        var merged = string.Concat(merges.Select((merge, i) => $", \"{merge.Replace(" ", "")}\": {4 + i}"));
        return new TemporaryFolder().With("tokenizer.json", $$"""
            {
              "added_tokens": [{"id": 1, "content": "<s>", "special": true}],
              "normalizer": {{(preTokenizer is null ? Normalizer : "null")}},
              "pre_tokenizer": {{preTokenizer ?? "null"}},
              "model": {
                "type": "BPE", "unk_token": "<unk>", "fuse_unk": {{fuse}},
                "vocab": {"<unk>": 0, "<s>": 1, "\u2581": 2, "a": 3{{merged}}},
                "merges": ["{{string.Join("\", \"", merges)}}"]
              }
            }
            """);
    }
}
