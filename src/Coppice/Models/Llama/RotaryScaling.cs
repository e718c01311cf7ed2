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
    [property: JsonPropertyName("factor")] float? Factor = null,
    [property: JsonPropertyName("low_freq_factor")] float? LowFactor = null,
    [property: JsonPropertyName("high_freq_factor")] float? HighFactor = null,
    [property: JsonPropertyName("original_max_position_embeddings")] float? OriginalPositions = null)
{
    /// <summary>Radians a position for each pair of a head: <c>base^(-2i / size)</c>, scaled.</summary>
    /// <exception cref="ArgumentException">A number is out of range.</exception>
    /// <exception cref="NotSupportedException">The kind is unknown.</exception>
    internal float[] Frequencies(int headSize, float @base)
    {
        Need("rope_theta", @base);
        float[] frequencies = [.. Enumerable.Range(0, headSize / 2).Select(i => 1 / MathF.Pow(@base, 2f * i / headSize))];
        return (Kind ?? OldKind ?? "default") switch
        {
            "default" or "dynamic" => frequencies,
            "linear" => [.. frequencies.Select(frequency => frequency / Need("factor", Factor))],
            "llama3" => [.. frequencies.Select(Blended)],
            var other => throw new NotSupportedException(
                $"rope_scaling of type '{other}' is not known; Coppice computes default, linear, llama3 and dynamic (up to the trained length)."),
        };
    }

    private float Blended(float frequency)
    {
        var (factor, low, high) = (Need("factor", Factor), Need("low_freq_factor", LowFactor), Need("high_freq_factor", HighFactor));
        if (high <= low)
            throw new ArgumentException($"high_freq_factor is {high}; it must be above low_freq_factor, {low}.");
        var turns = Need("original_max_position_embeddings", OriginalPositions) * frequency / (2 * MathF.PI);
        if (turns < low)
            return frequency / factor;
        if (turns > high)
            return frequency;
        var share = (turns - low) / (high - low);
        return (1 - share) * frequency / factor + share * frequency;
    }

    private static float Need(string member, float? value) => value > 0 && float.IsFinite(value.Value)
        ? value.Value
        : throw new ArgumentException($"{member} of the rotary positions is {(value is null ? "missing" : $"{value}")}; it must be above 0.");
}
