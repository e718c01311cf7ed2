using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Vocabulary;
using Coppice.Tokenizers;

namespace Coppice.Tests.Pruning.Vocabulary;

public sealed class VocabularyRemovalTests : IDisposable
{
    private static readonly string[] Texts =
        ["Once upon a time there was a king, and he had three daughters.", "Of late she has, with more than common zeal, done nothing.", "naïve ☂ 中文"];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gpt2-student", 2048)]      // vocab.json and merges.txt
    [InlineData("stories260K", 450)]        // tokenizer.json, bytes for what is unknown
    [InlineData("bert-thucnews", 9000)]     // vocab.txt
    public void Save_OfTheCommonTokens_IsAFolderThatReadsAndComputesTheSame(string name, int left)
    {
        var model = PretrainedModel.Open(Sample(name));
        var tokenizer = Tokenizer.FromFolder(model.Folder);
        var removal = Remove(model, tokenizer, left);
        Assert.Equal(left, removal.Kept.Count);
        var result = removal.Save(_folder["fewer"], Texts, seed: 1);
        Assert.Equal(0, result.Verification.LargestDifference, 1e-5);

        var (reopened, smaller) = (PretrainedModel.Open(_folder["fewer"]), Tokenizer.FromFolder(_folder["fewer"]));
        Assert.Equal(left, smaller.VocabSize);
        Assert.Equal(left, (int)JsonNode.Parse(File.ReadAllBytes(_folder["fewer/config.json"]))!["vocab_size"]!);
        Assert.Equal(model.EndOfTextIds.Select(id => tokenizer.TokenOf(id)), reopened.EndOfTextIds.Select(id => smaller.TokenOf(id)));
        Assert.Equal(tokenizer.Special.Cls is { } cls ? tokenizer.TokenOf(cls) : null, smaller.Special.Cls is { } now ? smaller.TokenOf(now) : null);
        foreach (var id in Enumerable.Range(0, left))
            Assert.Equal(tokenizer.TokenOf(removal.Kept[id]), smaller.TokenOf(id));
        foreach (var text in Texts) // all of their tokens are common here
            Assert.Equal(tokenizer.Encode(text).Select(id => tokenizer.TokenOf(id)), smaller.Encode(text).Select(id => smaller.TokenOf(id)));
    }

    [Fact]
    public void Save_WeightsOfTokens_AreTheRowsOfTheSourceInTheirType()
    {
        var model = PretrainedModel.Open(Sample("gpt2-student"));
        var removal = Remove(model, Tokenizer.FromFolder(model.Folder), 1000);
        removal.Save(_folder["fewer"], Texts, seed: 1);
        using var before = Checkpoint.Open(model.Folder);
        using var after = Checkpoint.Open(_folder["fewer"]);
        Assert.Equal(before.Tensors.Select(tensor => tensor.Name), after.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(after["transformer.wte.weight"].Identity, after["lm_head.weight"].Identity);
        var (source, written) = (before["transformer.wte.weight"], after["transformer.wte.weight"]);
        var (row, expected) = (new byte[512], new byte[512]);
        foreach (var (id, old) in removal.Kept.Index())
        {
            written.Read(512L * id, row);
            source.Read(512L * old, expected);
            Assert.Equal(expected, row);
        }
    }

    /// <summary>What a token that stays is merged from stays too, or it could never be made; so do all bytes.</summary>
    [Fact]
    public void OfRarest_AnyText_IsStillSpelt()
    {
        var model = PretrainedModel.Open(Sample("gpt2-student"));
        var tokenizer = Tokenizer.FromFolder(model.Folder);
        Remove(model, tokenizer, 400).Save(_folder["fewer"], Texts, seed: 1);
        var smaller = Tokenizer.FromFolder(_folder["fewer"]);
        foreach (var token in Enumerable.Range(0, 399).Select(id => smaller.Decode([id])).Where(text => !text.Contains('\uFFFD')))
            Assert.Single(smaller.Encode(token));
        Assert.Equal("Zyzzyva \0 ☃ 千", smaller.Decode(smaller.Encode("Zyzzyva \0 ☃ 千")));
    }

    [Fact]
    public void Save_WordsWhosePiecesAreGone_CountAsUnknown()
    {
        var model = PretrainedModel.Open(Sample("bert-thucnews"));
        var tokenizer = Tokenizer.FromFolder(model.Folder);
        var removal = VocabularyRemoval.OfRarest(model, VocabularyRemoval.Count(tokenizer, ["中国"]), 0.999);
        var result = removal.Save(null, ["中国", "词汇"], seed: 1);
        Assert.Equal((8, 8, 2), (result.TokensBefore, result.TokensAfter, result.Unknown));
        Assert.False(Directory.Exists(_folder["fewer"]));
    }

    /// <summary>A model that was made narrower before keeps its plan, which tells the width of the embeddings.</summary>
    [Fact]
    public void Save_OfANarrowerModel_KeepsItsPlan()
    {
        var model = PretrainedModel.Open(Sample("gpt2-student"));
        var plan = new StructuralPlan(StructuralPlan.CurrentVersion, "gpt2",
            [new("transformer.h.0.mlp.c_fc.weight", [128, 512], [new(1, [.. Enumerable.Range(0, 256)])]),
             new("transformer.h.0.mlp.c_fc.bias", [512], [new(0, [.. Enumerable.Range(0, 256)])]),
             new("transformer.h.0.mlp.c_proj.weight", [512, 128], [new(0, [.. Enumerable.Range(0, 256)])])], [], []);
        plan.Apply(model.Module);
        model.Record(plan);
        model.Save(_folder["narrow"]);
        var narrow = PretrainedModel.Open(_folder["narrow"]);
        Remove(narrow, Tokenizer.FromFolder(narrow.Folder), 2048).Save(_folder["fewer"], Texts, seed: 1);
        var shapes = PretrainedModel.Open(_folder["fewer"]).Module.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter.Shape);
        Assert.Equal([2048, 128], shapes["transformer.wte.weight"]);
        Assert.Equal([128, 256], shapes["transformer.h.0.mlp.c_fc.weight"]);
    }

    [Fact]
    public void Save_WithASentencePieceModel_LeavesItOut()
    {
        foreach (var file in Directory.GetFiles(Sample("stories260K")))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        File.WriteAllText(_folder["tokenizer.model"], "");
        File.WriteAllText(_folder["notes.txt"], "");
        using var elsewhere = new TempFolder();
        var model = PretrainedModel.Open(_folder[""]);
        Remove(model, Tokenizer.FromFolder(model.Folder), 400).Save(elsewhere["fewer"], Texts, seed: 1);
        Assert.False(File.Exists(elsewhere["fewer/tokenizer.model"]));
        Assert.True(File.Exists(elsewhere["fewer/notes.txt"]));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.95)] // 256 bytes and a special token are more than 5 %
    public void OfRarest_AmountThatCantGo_SaysWhatCan(double amount)
    {
        var model = PretrainedModel.Open(Sample("gpt2-student"));
        var error = Assert.Throws<PruningException>(() => VocabularyRemoval.OfRarest(model, new long[4096], amount));
        Assert.Contains("4096 tokens, of which 257 have to stay", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The tokenizer's files and config.json agree on it: what names an id without a row does not fit the model.</summary>
    [Theory]
    [InlineData("added_tokens.json", "token '<extra>' of the tokenizer")]
    [InlineData("tokenizer_config.json", "token '<extra>' of the tokenizer")]
    [InlineData("config.json", "pad_token_id of config.json")]
    public void OfRarest_IdWithoutARow_IsRefused(string file, string says)
    {
        foreach (var source in Directory.GetFiles(Sample("gpt2-student")))
            File.Copy(source, _folder[Path.GetFileName(source)]);
        var root = File.Exists(_folder[file]) ? JsonNode.Parse(File.ReadAllBytes(_folder[file]))!.AsObject() : [];
        if (file == "config.json")
            root["pad_token_id"] = 4096;
        else if (file == "added_tokens.json")
            root["<extra>"] = 4096;
        else
            root["added_tokens_decoder"] = new JsonObject { ["4096"] = new JsonObject { ["content"] = "<extra>", ["special"] = true } };
        File.WriteAllText(_folder[file], root.ToJsonString());
        var error = Assert.Throws<PruningException>(() => VocabularyRemoval.OfRarest(PretrainedModel.Open(_folder[""]), new long[4097], 0.5));
        Assert.Contains($"{says} has the id 4096, for which the model has no row", error.Message, StringComparison.Ordinal);
    }

    private static string Sample(string name) => TestData.InRepository("samples", "models", name);

    private static VocabularyRemoval Remove(PretrainedModel model, Tokenizer tokenizer, int left)
    {
        var rows = model.Module.NamedParameters().First().Parameter.Shape[0];
        return VocabularyRemoval.OfRarest(model, VocabularyRemoval.Count(tokenizer, Texts), 1 - (double)left / rows);
    }
}
