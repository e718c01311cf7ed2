using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Models.Llama;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>How a family of models is made and loaded.</summary>
/// <param name="Create">Makes the module from config.json; what is known of the weights tells the rest, and checks the file.</param>
/// <param name="BasePrefix">Prefix of the bare model's names in checkpoints with a head; either kind of file loads into either module.</param>
/// <param name="IsLeftover">Whether nothing reads a tensor of this name: causal masks and position counters of older files, pre-training heads.</param>
/// <param name="Sizes">Where heads and neurons are counted.</param>
public sealed record ModelArchitecture(
    Func<JsonElement, WeightFacts, Module> Create, string BasePrefix, Func<string, bool> IsLeftover, ModelSizes Sizes);

/// <summary>What is known of weights before they are read.</summary>
/// <param name="Names">Names of the tensors.</param>
/// <param name="Elements">Elements that a model of them may have at the most.</param>
public sealed record WeightFacts(IReadOnlyCollection<string> Names, long Elements);

/// <summary>The model families that can be run, by the <c>model_type</c> of config.json.</summary>
public static class ModelRegistry
{
    private static readonly ModelArchitecture Llama = new(CreateLlama, "model.", name => name.EndsWith("rotary_emb.inv_freq"),
        new("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size",
            "layers.{0}.self_attn.o_proj.weight", "layers.{0}.mlp.down_proj.weight", InputAxis: 1,
            ["embed_tokens.weight", "lm_head.weight"], new("num_key_value_heads", "head_dim", "layers.{0}.self_attn.k_proj.weight")));

    private static readonly Dictionary<string, ModelArchitecture> Architectures = new()
    {
        ["gpt2"] = new(CreateGpt2, "transformer.", name => name.EndsWith(".attn.bias") || name.EndsWith(".attn.masked_bias"),
            new("n_layer", "n_head", "n_embd", "n_inner", "h.{0}.attn.c_proj.weight", "h.{0}.mlp.c_proj.weight", InputAxis: 0,
                ["wte.weight", "lm_head.weight"])),
        ["bert"] = new(CreateBert, "bert.", name => name.EndsWith("embeddings.position_ids") || name.StartsWith("cls."),
            new("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size",
                "encoder.layer.{0}.attention.output.dense.weight", "encoder.layer.{0}.output.dense.weight", InputAxis: 1,
                ["word_embeddings.weight", "predictions.decoder.weight", "predictions.decoder.bias", "predictions.bias"])),
        ["llama"] = Llama,
        ["mistral"] = Llama,
        ["qwen2"] = Llama,
    };

    /// <summary>The known values of <c>model_type</c>.</summary>
    public static IReadOnlyCollection<string> Known => Architectures.Keys;

    /// <summary>The architecture of a <c>model_type</c>, or null.</summary>
    public static ModelArchitecture? Find(string modelType) => Architectures.GetValueOrDefault(modelType);

    private static Gpt2LMHeadModel CreateGpt2(JsonElement json, WeightFacts weights)
    {
        var config = json.Deserialize(ConfigJson.Default.Gpt2Config)!;
        config.Check(new(weights.Elements));
        return new(config);
    }

    private static LlamaForCausalLM CreateLlama(JsonElement json, WeightFacts weights)
    {
        var config = json.Deserialize(ConfigJson.Default.LlamaConfig)!;
        config.Check(new(weights.Elements));
        return new(config);
    }

    private static Module CreateBert(JsonElement json, WeightFacts weights)
    {
        var config = json.Deserialize(ConfigJson.Default.BertConfig)!;
        config.Check(new(weights.Elements));
        // By its bias or its weight, which may be stored under a mask as weight_orig.
        return HasHead("fc.") ? new BertClassifier(config, "fc") : HasHead("classifier.") ? new BertClassifier(config) : new BertModel(config);

        bool HasHead(string prefix) => weights.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
    }
}

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Gpt2Config))]
[JsonSerializable(typeof(BertConfig))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, IReadOnlyList<int>>))]
[JsonSerializable(typeof(LlamaConfig))]
internal sealed partial class ConfigJson : JsonSerializerContext;
