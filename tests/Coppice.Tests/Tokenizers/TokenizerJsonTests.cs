using System.Text.Json.Nodes;
using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class TokenizerJsonTests
{
    [Fact]
    public void Read_ByteLevelBpe_EqualsVocabAndMerges()
    {
        using var folder = ByteLevel();
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        foreach (var (text, ids) in GoldenTexts.Read("gpt2-student", "tokens-unicode.json"))
            Assert.Equal(ids, tokenizer.Encode(text));
        Assert.Equal(4095, tokenizer.Special.Eos);
    }

    [Fact]
    public void Read_RobertaProcessing_AddsItsTokens()
    {
        using var folder = ByteLevel(root => root["post_processor"] = JsonNode.Parse(
            """{"type": "RobertaProcessing", "sep": ["<|endoftext|>", 4095], "cls": ["<|endoftext|>", 4095]}"""));
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal([4095, .. GoldenTexts.Gpt2.Encode("a"), 4095], tokenizer.Encode("a"));
        Assert.Equal(6, tokenizer.EncodePair("a", "b", new EncodingOptions()).Ids.Length);
    }

    [Fact]
    public void Read_WordPiece_EqualsVocabTxt()
    {
        var vocabulary = File.ReadAllLines(TestData.InRepository("samples", "models", "bert-thucnews", "vocab.txt"));
        var root = new JsonObject
        {
            ["normalizer"] = JsonNode.Parse(
                """{"type": "BertNormalizer", "clean_text": true, "strip_accents": null, "lowercase": true}"""),
            ["pre_tokenizer"] = JsonNode.Parse("""{"type": "BertPreTokenizer"}"""),
            ["post_processor"] = JsonNode.Parse("""{"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["vocab"] = new JsonObject(vocabulary.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)JsonValue.Create(id)))),
            },
        };
        using var folder = new TemporaryFolder().With("tokenizer.json", root.ToJsonString());
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        foreach (var (text, ids) in GoldenTexts.Read("bert-thucnews", "tokens-unicode.json"))
            Assert.Equal(ids, tokenizer.Encode(text));
    }

    [Theory]
    [InlineData("model", null, "\"model\" is missing")]
    [InlineData("model.vocab", null, "\"vocab\" is missing")]
    [InlineData("model.merges", "5", "not valid tokenizer JSON")]
    [InlineData("model.merges", "[\"ab\"]", "is not two tokens")]
    [InlineData("model.merges", "[[\"a\"]]", "is not two tokens")]
    [InlineData("model.merges", "[null]", "is not two tokens")]
    [InlineData("model.merges", "[[\"a\", \"\u6A21\"]]", "needs the token")]
    [InlineData("model.type", "\"Unigram\"", "model 'Unigram' is not supported")]
    [InlineData("model", "{\"type\": \"Unigram\", \"vocab\": []}", "model 'Unigram' is not supported")]
    [InlineData("model.vocab.Ā", null, "for the byte 0x00")]
    [InlineData("model.ignore_merges", "true", "ignore_merges")]
    [InlineData("model.dropout", "0.1", "dropout")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix")]
    [InlineData("model.unk_token", "7", "not valid tokenizer JSON")]
    [InlineData("normalizer", "{\"type\": \"NFC\"}", "normalizer 'NFC' is not supported")]
    [InlineData("pre_tokenizer", "{\"type\": \"Whitespace\"}", "pre_tokenizer 'Whitespace' is not supported")]
    [InlineData("pre_tokenizer.use_regex", "false", "use_regex")]
    [InlineData("pre_tokenizer", null, "normalizer 'null' is not supported")]
    [InlineData("post_processor", "{\"type\": \"Odd\"}", "post_processor 'Odd' is not supported")]
    [InlineData("post_processor", "{\"type\": \"BertProcessing\", \"cls\": [], \"sep\": []}", "not valid tokenizer JSON")]
    [InlineData("added_tokens", "[{\"content\": \"x\"}]", "\"id\" is missing")]
    [InlineData("added_tokens", "[{\"id\": 4095, \"content\": null}]", "\"content\" is missing")]
    public void Read_MalformedOrUnsupported_NamesFileAndFault(string path, string? json, string fault)
    {
        using var folder = ByteLevel(root =>
        {
            var parts = path.Split('.');
            var parent = parts[..^1].Aggregate(root, (node, name) => node[name]!.AsObject());
            if (json is null)
                parent.Remove(parts[^1]);
            else
                parent[parts[^1]] = JsonNode.Parse(json);
        });
        var error = Assert.Throws<TokenizerException>(() => Tokenizer.FromFolder(folder.Path));
        Assert.Contains("tokenizer.json", error.Message);
        Assert.Contains(fault, error.Message);
    }

    [Theory]
    [InlineData("""{}""", "neither SpecialToken nor Sequence")]
    [InlineData("""{"SpecialToken": {"id": "<s>", "type_id": 0}}""", "the token '<s>'")]
    [InlineData("""{"Sequence": {"id": "A"}}""", "\"type_id\" is missing")]
    [InlineData("""{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}""", "A and B for a pair")]
    [InlineData("""{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}""", "A and B for a pair")]
    public void Read_MalformedTemplate_NamesTheFault(string single, string fault)
    {
        using var folder = ByteLevel(root => root["post_processor"] =
            JsonNode.Parse($$"""{"type": "TemplateProcessing", "single": [{{single}}], "pair": []}"""));
        Assert.Contains(fault, Assert.Throws<TokenizerException>(() => Tokenizer.FromFolder(folder.Path)).Message);
    }

    [Fact]
    public void Read_ByteFallbackWithoutByteTokens_NamesTheByte()
    {
        using var folder = new TemporaryFolder().WithSample("stories260K", "tokenizer.json", text => text.Replace("<0x41>", "<byte 41>"));
        Assert.Contains("<0x41>", Assert.Throws<TokenizerException>(() => Tokenizer.FromFolder(folder.Path)).Message);
    }

    private static TemporaryFolder ByteLevel(Action<JsonObject>? change = null)
    {
        var merges = File.ReadAllLines(TestData.InRepository("samples", "models", "gpt2-student", "merges.txt"));
        var root = new JsonObject
        {
            ["added_tokens"] = JsonNode.Parse("""[{"id": 4095, "content": "<|endoftext|>", "special": true}]"""),
            ["pre_tokenizer"] = JsonNode.Parse("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}"""),
            ["post_processor"] = JsonNode.Parse("""{"type": "ByteLevel", "trim_offsets": false}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = JsonNode.Parse(File.ReadAllText(TestData.InRepository("samples", "models", "gpt2-student", "vocab.json"))),
                ["merges"] = new JsonArray([.. merges.Skip(1).Select(m => (JsonNode)m)]),
            },
        };
        change?.Invoke(root);
        return new TemporaryFolder().With("tokenizer.json", root.ToJsonString());
    }
}
