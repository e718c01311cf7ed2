using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Checkpoints;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Models.Llama;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>How a family of models is made and loaded.</summary>
/// <param name="Create">Makes the module from config.json; the checkpoint's tensors by name tell the rest, and check the file.</param>
/// <param name="BasePrefix">Prefix of the bare model's names in checkpoints with a head; either kind of file loads into either module.</param>
/// <param name="IsLeftover">Whether nothing reads a tensor of this name: causal masks and position counters of older files, pre-training heads.</param>
public sealed record ModelArchitecture(
    Func<JsonElement, IReadOnlyDictionary<string, TensorSource>, Module> Create, string BasePrefix, Func<string, bool> IsLeftover);

/// <summary>The model families that can be run, by the <c>model_type</c> of config.json.</summary>
public static class ModelRegistry
{
    private static readonly ModelArchitecture Llama = new(CreateLlama, "model.", name => name.EndsWith("rotary_emb.inv_freq"));

    private static readonly Dictionary<string, ModelArchitecture> Architectures = new()
    {
        ["gpt2"] = new(CreateGpt2, "transformer.", name => name.EndsWith(".attn.bias") || name.EndsWith(".attn.masked_bias")),
        ["bert"] = new(CreateBert, "bert.", name => name.EndsWith("embeddings.position_ids") || name.StartsWith("cls.")),
        ["llama"] = Llama,
        ["mistral"] = Llama,
        ["qwen2"] = Llama,
    };

    /// <summary>The known values of <c>model_type</c>.</summary>
    public static IReadOnlyCollection<string> Known => Architectures.Keys;

    /// <summary>The architecture of a <c>model_type</c>, or null.</summary>
    public static ModelArchitecture? Find(string modelType) => Architectures.GetValueOrDefault(modelType);

    private static Gpt2LMHeadModel CreateGpt2(JsonElement json, IReadOnlyDictionary<string, TensorSource> tensors)
    {
        var config = json.Deserialize(ConfigJson.Default.Gpt2Config)!;
        config.Check(new(tensors.Values.Sum(tensor => tensor.Count)));
        return new(config);
    }

    private static LlamaForCausalLM CreateLlama(JsonElement json, IReadOnlyDictionary<string, TensorSource> tensors)
    {
        var config = json.Deserialize(ConfigJson.Default.LlamaConfig)!;
        config.Check(new(tensors.Values.Sum(tensor => tensor.Count)));
        return new(config);
    }

    private static Module CreateBert(JsonElement json, IReadOnlyDictionary<string, TensorSource> tensors)
    {
        var config = json.Deserialize(ConfigJson.Default.BertConfig)!;
        config.Check(new(tensors.Values.Sum(tensor => tensor.Count)));
        // By its bias or its weight, which may be stored under a mask as weight_orig.
        return HasHead("fc.") ? new BertClassifier(config, "fc") : HasHead("classifier.") ? new BertClassifier(config) : new BertModel(config);

        bool HasHead(string prefix) => tensors.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
    }
}

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Gpt2Config))]
[JsonSerializable(typeof(BertConfig))]
[JsonSerializable(typeof(LlamaConfig))]
internal sealed partial class ConfigJson : JsonSerializerContext;
