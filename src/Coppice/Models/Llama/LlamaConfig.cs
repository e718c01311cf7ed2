using System.Text.Json.Serialization;

namespace Coppice.Models.Llama;

/// <summary>config.json of Llama, Mistral and Qwen2: the members that decide what is computed, with Hugging Face's names and defaults.</summary>
/// <param name="VocabSize">Number of token ids.</param>
/// <param name="Width">Model width.</param>
/// <param name="Inner">Width of the feed-forward layer.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Query heads of a block.</param>
/// <param name="Positions">Longest sequence the model was trained for.</param>
/// <param name="ModelType">The family: llama, mistral or qwen2.</param>
/// <param name="KeyHeads">Key and value heads, each of which serves <c>Heads / KeyHeads</c> query heads; as many as query heads where null.</param>
/// <param name="HeadWidth">Size of a head; width / heads where null.</param>
/// <param name="Activation">Name of the feed-forward activation.</param>
/// <param name="NormEpsilon">Epsilon of the norms.</param>
/// <param name="Base">Base of the rotary frequencies.</param>
/// <param name="Scaling">How the frequencies are scaled; null for not at all.</param>
/// <param name="Rotary">What newer files have in the place of <paramref name="Base"/> and <paramref name="Scaling"/>.</param>
/// <param name="AttentionBias">Whether the four attention projections have biases; Qwen2's first three always do.</param>
/// <param name="InnerBias">Whether the feed-forward projections have biases.</param>
/// <param name="Window">How many positions a token sees; null for all.</param>
/// <param name="UsesWindow">Whether the window is in force; null for the family's default.</param>
/// <param name="TieWordEmbeddings">Whether the output layer is the token table.</param>
public sealed record LlamaConfig(
    [property: JsonPropertyName("vocab_size")] int VocabSize,
    [property: JsonPropertyName("hidden_size")] int Width,
    [property: JsonPropertyName("intermediate_size")] int Inner,
    [property: JsonPropertyName("num_hidden_layers")] int Layers,
    [property: JsonPropertyName("num_attention_heads")] int Heads,
    [property: JsonPropertyName("max_position_embeddings")] int Positions,
    [property: JsonPropertyName("model_type")] string ModelType = "llama",
    [property: JsonPropertyName("num_key_value_heads")] int? KeyHeads = null,
    [property: JsonPropertyName("head_dim")] int? HeadWidth = null,
    [property: JsonPropertyName("hidden_act")] string Activation = "silu",
    [property: JsonPropertyName("rms_norm_eps")] float NormEpsilon = 1e-6f,
    [property: JsonPropertyName("rope_theta")] float Base = 10000,
    [property: JsonPropertyName("rope_scaling")] RotaryScaling? Scaling = null,
    [property: JsonPropertyName("rope_parameters")] RotaryScaling? Rotary = null,
    [property: JsonPropertyName("attention_bias")] bool AttentionBias = false,
    [property: JsonPropertyName("mlp_bias")] bool InnerBias = false,
    [property: JsonPropertyName("sliding_window")] int? Window = null,
    [property: JsonPropertyName("use_sliding_window")] bool? UsesWindow = null,
    [property: JsonPropertyName("tie_word_embeddings")] bool TieWordEmbeddings = false)
{
    /// <summary>Size of a head.</summary>
    [JsonIgnore]
    public int HeadSize => HeadWidth ?? Width / Heads;

    /// <summary>Whether queries, keys and values have biases.</summary>
    [JsonIgnore]
    public bool HasQueryBias => AttentionBias || ModelType == "qwen2";

    /// <summary>Longest sequence that is computed: up to the sliding window, where there is one, every token sees all before it.</summary>
    [JsonIgnore]
    public int Context => Window is { } window && (UsesWindow ?? ModelType != "qwen2") ? Math.Min(Positions, window) : Positions;

    /// <summary>Radians by which each pair of a head's entries turns from one position to the next, [HeadSize / 2].</summary>
    /// <exception cref="NotSupportedException">The scaling is of a kind that Coppice does not know.</exception>
    public float[] RotaryFrequencies() => (Rotary ?? Scaling ?? new()).Frequencies(HeadSize, Rotary?.Base ?? Base);

    internal void Check(ConfigCheck check)
    {
        ConfigCheck.Positive("vocab_size", VocabSize);
        ConfigCheck.Positive("hidden_size", Width);
        ConfigCheck.Positive("intermediate_size", Inner);
        ConfigCheck.Positive("num_hidden_layers", Layers);
        ConfigCheck.Positive("num_attention_heads", Heads);
        ConfigCheck.Positive("num_key_value_heads", KeyHeads ?? 1);
        ConfigCheck.Positive("max_position_embeddings", Positions);
        ConfigCheck.Positive("sliding_window", Window ?? 1);
        ConfigCheck.Positive("head_dim", HeadWidth ?? 1);
        if (HeadWidth is null)
            ConfigCheck.Divides("num_attention_heads", Heads, "hidden_size", Width);
        ConfigCheck.Divides("num_key_value_heads", KeyHeads ?? Heads, "num_attention_heads", Heads);
        if (HeadSize % 2 != 0)
            throw new ArgumentException($"head_dim is {HeadSize}; rotary positions pair its entries, so it must be even.");
        check.Fits("vocab_size", VocabSize, Width);
        check.Fits("num_hidden_layers", Layers, Width * (2 * (Int128)HeadSize * ((long)Heads + (KeyHeads ?? Heads)) + 3L * Inner));
    }
}
