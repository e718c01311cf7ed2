using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Models;

/// <summary>On a GPT-2 and a BERT of a few numbers, made here.</summary>
public sealed class PretrainedModelTests : IDisposable
{
    private const string Gpt2 = """{"model_type": "gpt2", "vocab_size": 5, "n_embd": 4, "n_layer": 2, "n_head": 2, "n_positions": 8}""";
    private const string Bert = """
        {"model_type": "bert", "vocab_size": 5, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
         "max_position_embeddings": 8, "num_labels": 3}
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Config_WithoutOptionalMembers_HasHuggingFacesDefaults()
    {
        var gpt2 = JsonSerializer.Deserialize(Gpt2.Replace(""", "n_positions": 8""", "", StringComparison.Ordinal), ConfigJson.Default.Gpt2Config)!;
        Assert.Equal(new Gpt2Config(5, 4, 2, 2, 1024, null, "gelu_new", 1e-5f, true, false, true), gpt2);
        var bert = JsonSerializer.Deserialize("""{"vocab_size": 5, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}""",
            ConfigJson.Default.BertConfig)!;
        Assert.Equal(new BertConfig(5, 4, 1, 2, 8, 512, 2, "gelu", 1e-12f, 0.1f), bert);
    }

    [Fact]
    public void Config_WithoutARequiredMember_NamesIt()
    {
        Save(Gpt2, State(Gpt2));
        Write(Gpt2.Replace("n_head", "heads", StringComparison.Ordinal));
        Assert.Contains("n_head", Assert.Throws<ModelException>(Open).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 3", "missing")]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 1", "unexpected")]
    [InlineData("\"n_embd\": 4", "\"n_embd\": 2", "wrong shapes")]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 2147483647", "n_layer is 2147483647")]
    [InlineData("\"vocab_size\": 5", "\"vocab_size\": 2147483647", "vocab_size is 2147483647")]
    [InlineData("\"n_positions\": 8", "\"n_positions\": 2147483647", "n_positions is 2147483647")]
    [InlineData("\"n_head\": 2", "\"n_head\": 2, \"n_inner\": 2147483647", "n_layer is 2")]
    [InlineData("\"n_embd\": 4", "\"n_embd\": 2147483646", "vocab_size is 5")]
    [InlineData("\"n_head\": 2", "\"n_head\": 0", "n_head is 0")]
    [InlineData("\"n_head\": 2", "\"n_head\": 3", "n_head is 3, which does not divide n_embd, 4")]
    public void Config_AgainstTheWeights_IsRefusedBeforeItTakesMemory(string old, string changed, string says) =>
        AssertRefused(Gpt2, old, changed, says);

    [Theory]
    [InlineData("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2147483647", "num_hidden_layers is 2147483647")]
    [InlineData("\"vocab_size\": 5", "\"vocab_size\": 2147483647", "vocab_size is 2147483647")]
    [InlineData("\"num_labels\": 3", "\"num_labels\": 2147483647", "num_labels is 2147483647")]
    [InlineData("\"num_labels\": 3", "\"num_labels\": 4", "wrong shapes")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "does not divide hidden_size")]
    [InlineData("\"intermediate_size\": 8", "\"intermediate_size\": -8", "intermediate_size is -8")]
    public void BertConfig_AgainstTheWeights_IsRefusedBeforeItTakesMemory(string old, string changed, string says) =>
        AssertRefused(Bert, old, changed, says);

    [Fact]
    public void Open_OfLeftoverNames_IgnoresThem()
    {
        var state = State(Gpt2);
        state.Add("transformer.h.0.attn.bias", Tensor.Full([1, 1, 8, 8], 1));
        state.Add("transformer.h.1.attn.masked_bias", Tensor.Full([1], -1e4f));
        Save(Gpt2, state);
        Assert.Equal("gpt2", Open().ModelType);
    }

    [Fact]
    public void Open_OfABareModel_ComputesTheSameAsTheWhole()
    {
        var state = State(Gpt2);
        Save(Gpt2, state);
        var whole = Logits(Open());
        var bare = new OrderedDictionary<string, Tensor>(state.Where(entry => entry.Key != "lm_head.weight")
            .Select(entry => KeyValuePair.Create(entry.Key["transformer.".Length..], entry.Value)));
        Save(Gpt2, bare);
        Assert.Equal(whole, Logits(Open()));
        Assert.Contains(whole, value => value != 0);
    }

    [Theory]
    [InlineData("transformer.", "")]
    [InlineData("", "transformer.")]
    public void Save_OfAMaskedModel_KeepsTheFilesNamesAndLeftovers(string dropped, string kept)
    {
        var state = new OrderedDictionary<string, Tensor>(State(Gpt2).Where(entry => kept.Length > 0 || entry.Key != "lm_head.weight")
            .Select(entry => KeyValuePair.Create(entry.Key[(entry.Key.StartsWith("transformer.") ? dropped.Length : 0)..], entry.Value)))
        {
            [kept + "h.0.attn.bias"] = Tensor.Full([1, 1, 8, 8], 1),
        };
        Save(Gpt2, state);
        var model = Open();
        Prune.L1Unstructured(model.Module.Find("transformer.h.0.mlp.c_fc"), "weight", 0.5);
        using var other = new TempFolder();
        model.Save(other["masked"]);
        using var saved = Checkpoint.Open(other["masked"]);
        Assert.Equal(state.Keys.Except([kept + "h.0.mlp.c_fc.weight"])
            .Concat([kept + "h.0.mlp.c_fc.weight_orig", kept + "h.0.mlp.c_fc.weight_mask"]).Order(),
            saved.Tensors.Select(tensor => tensor.Name).Order());
        Assert.Equal(Logits(model), Logits(PretrainedModel.Open(other["masked"])));
    }

    [Theory]
    [InlineData("fc")]
    [InlineData("classifier")]
    public void Open_OfABertClassifier_TakesTheHeadsNameFromTheCheckpoint(string head)
    {
        Save(Bert, new BertClassifier(JsonSerializer.Deserialize(Bert, ConfigJson.Default.BertConfig)!, head).StateDict());
        Assert.Equal(3, Open().TextClassifier.Labels);
        Assert.Throws<NotSupportedException>(() => Open().CausalLanguageModel);
    }

    [Fact]
    public void Open_OfBertSavedWithPretrainingHeads_GivesTheBareModel()
    {
        const string Config = """
            {"model_type": "bert", "vocab_size": 5, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
             "max_position_embeddings": 8}
            """;
        var bert = new BertModel(JsonSerializer.Deserialize(Config, ConfigJson.Default.BertConfig)!);
        bert.StateDict()["embeddings.word_embeddings.weight"].AsSpan<float>().Fill(2);
        var state = new OrderedDictionary<string, Tensor>(bert.StateDict().Select(entry => KeyValuePair.Create("bert." + entry.Key, entry.Value)))
        {
            ["cls.predictions.bias"] = Tensor.Zeros([5]),
            ["bert.embeddings.position_ids"] = Tensor.Zeros([1, 8], DType.I64),
        };
        Save(Config, state);
        var opened = Assert.IsType<BertModel>(Open().Module);
        Assert.Equal(2, opened.StateDict()["embeddings.word_embeddings.weight"].ToArray<float>()[0]);
        Assert.Contains("no text classifier", Assert.Throws<NotSupportedException>(() => Open().TextClassifier).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfAnUnknownFamily_ListsTheKnown()
    {
        Save("""{"model_type": "magic"}""", State(Gpt2));
        Assert.Contains("gpt2, bert", Assert.Throws<ModelException>(Open).Message, StringComparison.Ordinal);
        Assert.False(PretrainedModel.CanOpen(_folder.Path));
    }

    [Theory]
    [InlineData("7", null, 7)]
    [InlineData("7", "[8, 9]", 8, 9)]
    [InlineData("7", "null", 7)]
    [InlineData("null", null)]
    public void EndOfTextIds_OfAModel_ComeFromGenerationConfigFirst(string config, string? generation, params int[] expected)
    {
        var json = JsonNode.Parse(Gpt2)!;
        json["eos_token_id"] = JsonNode.Parse(config);
        Save(json.ToJsonString(), State(Gpt2));
        if (generation is not null)
            File.WriteAllText(Path.Combine(_folder.Path, "generation_config.json"), $"{{\"eos_token_id\": {generation}}}");
        Assert.Equal(expected, Open().EndOfTextIds.Order());
    }

    private void AssertRefused(string config, string old, string changed, string says)
    {
        Save(config, State(config));
        Write(config.Replace(old, changed, StringComparison.Ordinal));
        var error = Assert.Throws<ModelException>(Open);
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private PretrainedModel Open() => PretrainedModel.Open(_folder.Path);

    private void Save(string config, OrderedDictionary<string, Tensor> state)
    {
        Write(config);
        Checkpoint.SaveNew(Path.Combine(_folder.Path, "model.safetensors"),
            state.Select(entry => TensorSource.From(entry.Key, entry.Value)), new() { Overwrite = true });
    }

    private void Write(string config) => File.WriteAllText(Path.Combine(_folder.Path, "config.json"), config);

    private static float[] Logits(PretrainedModel model) =>
        model.CausalLanguageModel.Forward(Tensor.From<long>([1, 2, 3], [1, 3])).ToArray<float>();

    private static OrderedDictionary<string, Tensor> State(string config)
    {
        using var json = JsonDocument.Parse(config);
        Coppice.Modules.Module module = json.RootElement.GetProperty("model_type").GetString() == "bert"
            ? new BertClassifier(json.Deserialize(ConfigJson.Default.BertConfig)!)
            : new Gpt2LMHeadModel(json.Deserialize(ConfigJson.Default.Gpt2Config)!);
        var random = new Random(1);
        foreach (var (_, parameter) in module.NamedParameters())
            foreach (ref var value in parameter.Data.AsSpan<float>())
                value = random.NextSingle() - 0.5f;
        return module.StateDict();
    }
}
