using System.Text.Json;
using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Onnx;

namespace Coppice.Pruning.Selection;

/// <summary>What selection uses of a model's config.json; everything may be unknown, as in a plain state dict.</summary>
/// <param name="ModelType">Hugging Face's <c>model_type</c>.</param>
/// <param name="VocabularySize">Rows of the token embedding.</param>
/// <param name="TiesEmbeddings">Whether the head is the token embedding; null for the family's default.</param>
/// <param name="Architecture">The first of <c>architectures</c>: the class that the checkpoint was saved from.</param>
public sealed record ModelFacts(
    string? ModelType = null, int? VocabularySize = null, bool? TiesEmbeddings = null, string? Architecture = null)
{
    private static readonly string[] LanguageModels = ["LM", "ConditionalGeneration", "PreTraining"];

    /// <summary>What each weight is to the model's computation, where that is at hand; null where only names tell.</summary>
    public IReadOnlyDictionary<string, WeightRole>? Roles { get; init; }

    /// <summary>Nothing known.</summary>
    public static ModelFacts None { get; } = new();

    /// <summary>Whether the model predicts tokens, so that a head missing from the checkpoint is the embedding.</summary>
    public bool HasLanguageHead =>
        Architecture is null || LanguageModels.Any(mark => Architecture.Contains(mark, StringComparison.Ordinal));

    /// <summary>Reads the facts from the config.json in a checkpoint's folder, or beside its file; nothing is known where there is
    /// none. Of an ONNX model, its graph tells.</summary>
    /// <exception cref="PruningException">The file is not JSON.</exception>
    public static ModelFacts Of(IWeightStore checkpoint)
    {
        if (checkpoint is OnnxWeights onnx)
            return None with { Roles = OnnxWeightRoles.Of(onnx.Graph) };
        var path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(checkpoint.WeightFiles[0]))!, Checkpoint.ConfigFile);
        if (!File.Exists(path))
            return None;
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(path));
            return FromConfig(config.RootElement);
        }
        catch (JsonException error)
        {
            throw new PruningException($"{path} is not JSON ({error.Message}); repair it, or move the weights elsewhere to prune them without it.");
        }
    }

    /// <summary>Reads the facts from a parsed config.json; keys of another kind than expected count as absent.</summary>
    public static ModelFacts FromConfig(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object)
            return None;
        return new ModelFacts(
            config.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null,
            config.TryGetProperty("vocab_size", out var size) && size.ValueKind == JsonValueKind.Number
                && size.TryGetInt32(out var rows) ? rows : null,
            config.TryGetProperty("tie_word_embeddings", out var tied) && tied.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? tied.GetBoolean() : null,
            config.TryGetProperty("architectures", out var names) && names.ValueKind == JsonValueKind.Array && names.GetArrayLength() > 0
                && names[0].ValueKind == JsonValueKind.String ? names[0].GetString() : null);
    }
}

/// <summary>What a weight is to the computation.</summary>
/// <param name="WhyOut">Why it is out of the default scope; null where it is in.</param>
/// <param name="InputMajor">Whether a matrix is stored [in, out].</param>
public sealed record WeightRole(string? WhyOut, bool InputMajor = false);
