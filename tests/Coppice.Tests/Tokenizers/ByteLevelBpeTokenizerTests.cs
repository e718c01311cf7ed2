using System.Text;
using Coppice.Tokenizers;

namespace Coppice.Tests.Tokenizers;

public sealed class ByteLevelBpeTokenizerTests
{
    [Theory]
    [InlineData("tokens.json")]
    [InlineData("tokens-unicode.json")]
    public void Encode_GoldenTexts_GivesTheSameIds(string file)
    {
        var examples = GoldenTexts.Read("gpt2-student", file);
        Assert.NotEmpty(examples);
        foreach (var (text, ids) in examples)
        {
            Assert.Equal(ids, GoldenTexts.Gpt2.Encode(text));
            Assert.Equal(text, GoldenTexts.Gpt2.Decode(ids));
        }
    }

    [Fact]
    public void Decode_OfEncoded_IsTheTextItself()
    {
        foreach (var text in GoldenTexts.RandomTexts(seed: 7, count: 500))
            Assert.Equal(text, GoldenTexts.Gpt2.Decode(GoldenTexts.Gpt2.Encode(text)));
    }

    [Fact]
    public void Encode_LoneSurrogates_BecomeReplacementCharacters()
    {
        foreach (var text in GoldenTexts.RandomTexts(seed: 8, count: 500, loneSurrogates: true))
        {
            var replaced = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(GoldenTexts.Gpt2.Encode(replaced), GoldenTexts.Gpt2.Encode(text));
            Assert.Equal(replaced, GoldenTexts.Gpt2.Decode(GoldenTexts.Gpt2.Encode(text)));
        }
    }

    [Fact]
    public void Encode_OneVeryLongWord_StaysFast()
    {
        var word = new string('a', 200_000);
        // Quadratic merging would take minutes.
        Assert.Equal(word, GoldenTexts.Gpt2.Decode(GoldenTexts.Gpt2.Encode(word)));
    }

    [Fact]
    public void Encode_SpecialTokenInText_IsOneIdThatDecodingCanSkip()
    {
        var ids = GoldenTexts.Gpt2.Encode("one<|endoftext|>two");
        Assert.Equal([.. GoldenTexts.Gpt2.Encode("one"), 4095, .. GoldenTexts.Gpt2.Encode("two")], ids);
        Assert.Equal("one<|endoftext|>two", GoldenTexts.Gpt2.Decode(ids));
        Assert.Equal("onetwo", GoldenTexts.Gpt2.Decode(ids, skipSpecialTokens: true));
    }

    [Fact]
    public void Encode_FromManyThreads_GivesTheSameIds()
    {
        var examples = GoldenTexts.Read("gpt2-student", "tokens-unicode.json");
        var fresh = Tokenizer.FromFolder(TestData.InRepository("samples", "models", "gpt2-student"));
        Parallel.For(0, 400, i => Assert.Equal(examples[i % examples.Count].Ids, fresh.Encode(examples[i % examples.Count].Text)));
    }

    [Fact]
    public void Encode_AddPrefixSpace_TreatsTheFirstWordLikeAnyOther()
    {
        using var folder = new TemporaryFolder()
            .WithSample("gpt2-student", "vocab.json").WithSample("gpt2-student", "merges.txt")
            .With("tokenizer_config.json", """{"add_prefix_space": true}""");
        var tokenizer = Tokenizer.FromFolder(folder.Path);
        Assert.Equal(GoldenTexts.Gpt2.Encode(" the house"), tokenizer.Encode("the house"));
        Assert.Equal(GoldenTexts.Gpt2.Encode(" the house"), tokenizer.Encode(" the house"));
    }
}
