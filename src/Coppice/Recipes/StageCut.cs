using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Modules;
using Coppice.Pruning.Compensation;

namespace Coppice.Recipes;

/// <summary>What a stage cut out, enough to do it again.</summary>
/// <param name="Plan">What is left of tensors.</param>
/// <param name="Report">What that makes of the model.</param>
/// <param name="Layers">Numbers of the layers that stay, where whole ones went; nothing else went then.</param>
/// <param name="Biases">What layers of an ONNX file got to make up for what went.</param>
internal sealed record StageCut(
    StructuralPlan Plan, CutReport Report, IReadOnlyList<int>? Layers = null, IReadOnlyList<AddedBias>? Biases = null)
{
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, StageCutJson.Default.StageCut);

    /// <summary>Reads one that a run has kept.</summary>
    /// <exception cref="RecipeException">It is damaged.</exception>
    public static StageCut Load(string path)
    {
        try
        {
            var cut = JsonSerializer.Deserialize(File.ReadAllBytes(path), StageCutJson.Default.StageCut) ?? throw new JsonException("It is null.");
            cut.Plan.Check();
            return cut;
        }
        catch (Exception error) when (error is JsonException or StructuralPlanException)
        {
            throw new RecipeException($"{path} is damaged ({error.Message}); remove the folder of the run to begin anew.", error);
        }
    }
}

[JsonSourceGenerationOptions(RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StageCut))]
internal sealed partial class StageCutJson : JsonSerializerContext;
