using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Checkpoints;
using Coppice.Models.Bert;
using Coppice.Models.Gpt2;
using Coppice.Modules;

namespace Coppice.Models;

/// <summary>How a family of models is made and loaded.</summary>
/// <param name="Create">Makes the module from config.json; the checkpoint's tensors by name tell the rest, and check the file.</param>
/// <param name="BasePrefix">Prefix that checkpoints of the bare model, saved without its head, leave out.</param>
/// <param name="Leftovers">Ends of names that older checkpoints carry and nothing reads (causal masks, position counters).</param>
public sealed record ModelArchitecture(Func<JsonElement, IReadOnlyDictionary<string, TensorSource>, Module> Create, string BasePrefix,
    IReadOnlyList<string> Leftovers);

/// <summary>The model families that can be run, by the <c>model_type</c> of config.json.</summary>
public static class ModelRegistry
{
    private static readonly Dictionary<string, ModelArchitecture> Architectures = new()
    {
        ["gpt2"] = new(CreateGpt2, "transformer.", [".attn.bias", ".attn.masked_bias"]),
        ["bert"] = new(CreateBert, "bert.", ["embeddings.position_ids"]),
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

    private static BertClassifier CreateBert(JsonElement json, IReadOnlyDictionary<string, TensorSource> tensors)
    {
        var config = json.Deserialize(ConfigJson.Default.BertConfig)!;
        config.Check(new(tensors.Values.Sum(tensor => tensor.Count)));
        return new(config, tensors.Keys.Any(name => name.StartsWith("fc.", StringComparison.Ordinal)) ? "fc" : "classifier");
    }
}

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Gpt2Config))]
[JsonSerializable(typeof(BertConfig))]
internal sealed partial class ConfigJson : JsonSerializerContext;
