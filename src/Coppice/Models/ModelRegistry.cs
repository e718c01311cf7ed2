using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>How a family of models is made and loaded.</summary>
/// <param name="Create">Makes the module from config.json, with the checkpoint's parameter names for what only they tell.</param>
/// <param name="BasePrefix">Prefix that checkpoints of the bare model, saved without its head, leave out.</param>
/// <param name="Leftovers">Ends of names that older checkpoints carry and nothing reads (causal masks, position counters).</param>
public sealed record ModelArchitecture(Func<JsonElement, IReadOnlyCollection<string>, Module> Create, string BasePrefix, IReadOnlyList<string> Leftovers);

/// <summary>The model families that can be run, by the <c>model_type</c> of config.json.</summary>
public static class ModelRegistry
{
    private static readonly Dictionary<string, ModelArchitecture> Architectures = new()
    {
        ["gpt2"] = new((config, _) => new Gpt2LMHeadModel(config.Deserialize(ConfigJson.Default.Gpt2Config)!),
            "transformer.", [".attn.bias", ".attn.masked_bias"]),
        ["bert"] = new(CreateBert, "bert.", ["embeddings.position_ids"]),
    };

    /// <summary>The known values of <c>model_type</c>.</summary>
    public static IReadOnlyCollection<string> Known => Architectures.Keys;

    /// <summary>The architecture of a <c>model_type</c>, or null.</summary>
    public static ModelArchitecture? Find(string modelType) => Architectures.GetValueOrDefault(modelType);

    private static BertClassifier CreateBert(JsonElement json, IReadOnlyCollection<string> names)
    {
        var config = json.Deserialize(ConfigJson.Default.BertConfig)!;
        return new(config, names.Contains("fc.weight") ? "fc" : "classifier");
    }
}

[JsonSerializable(typeof(Gpt2Config))]
[JsonSerializable(typeof(BertConfig))]
internal sealed partial class ConfigJson : JsonSerializerContext;
