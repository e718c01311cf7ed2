using System.Text.Json.Serialization;

namespace Coppice.Models.Llama;

/// <summary>How a model trained on short texts turns its rotary positions on longer ones: <c>rope_scaling</c> of config.json.</summary>
/// <remarks>
/// <c>dynamic</c> scales beyond <c>max_position_embeddings</c> alone, which is as far as Coppice computes, so it changes nothing here.
/// </remarks>
/// <param name="Kind">default, linear, llama3 or dynamic.</param>
/// <param name="OldKind">The name of the kind in older files.</param>
/// <param name="Base">Base of the frequencies, in newer files; null for <c>rope_theta</c>.</param>
/// <param name="Factor">How many times longer texts are.</param>
/// <param name="LowFactor">llama3: frequencies with fewer turns than this in the original context are divided by the factor.</param>
/// <param name="HighFactor">llama3: frequencies with more turns than this stay as they are; between the two they are blended.</param>
/// <param name="OriginalPositions">llama3: context of the training before.</param>
public sealed record RotaryScaling(
    [property: JsonPropertyName("rope_type")] string? Kind = null,
    [property: JsonPropertyName("type")] string? OldKind = null,
    [property: JsonPropertyName("rope_theta")] float? Base = null,
    [property: JsonPropertyName("factor")] float Factor = 1,
    [property: JsonPropertyName("low_freq_factor")] float LowFactor = 1,
    [property: JsonPropertyName("high_freq_factor")] float HighFactor = 4,
    [property: JsonPropertyName("original_max_position_embeddings")] int OriginalPositions = 8192)
{
    /// <summary>Radians a position for each pair of a head: <c>base^(-2i / size)</c>, scaled.</summary>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    /// <exception cref="NotSupportedException">The kind is unknown.</exception>
    internal float[] Frequencies(int headSize, float @base)
    {
        Require("rope_theta", @base);
        Require("factor of rope_scaling", Factor);
        float[] frequencies = [.. Enumerable.Range(0, headSize / 2).Select(i => 1 / MathF.Pow(@base, 2f * i / headSize))];
        return (Kind ?? OldKind ?? "default") switch
        {
            "default" or "dynamic" => frequencies,
            "linear" => [.. frequencies.Select(frequency => frequency / Factor)],
            "llama3" => [.. frequencies.Select(Blended)],
            var other => throw new NotSupportedException(
                $"rope_scaling of type '{other}' is not known; Coppice computes default, linear, llama3 and dynamic (up to the trained length)."),
        };
    }

    private float Blended(float frequency)
    {
        var turns = OriginalPositions * frequency / (2 * MathF.PI);
        if (turns < LowFactor)
            return frequency / Factor;
        if (turns > HighFactor)
            return frequency;
        var share = (turns - LowFactor) / (HighFactor - LowFactor);
        return (1 - share) * frequency / Factor + share * frequency;
    }

    private static void Require(string member, float value)
    {
        if (!(value > 0 && float.IsFinite(value)))
            throw new ArgumentException($"{member} is {value}; it must be above 0.");
    }
}
