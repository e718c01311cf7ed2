using System.Text.Json.Serialization;

namespace Coppice.Models.Gpt2;

/// <summary>GPT-2's config.json: the members that decide what is computed, under Hugging Face's names.</summary>
public sealed record Gpt2Config
{
    /// <summary>Number of token ids.</summary>
    [JsonPropertyName("vocab_size"), JsonRequired] public int VocabSize { get; init; }

    /// <summary>Longest sequence: rows of the position table.</summary>
    [JsonPropertyName("n_positions")] public int Positions { get; init; } = 1024;

    /// <summary>Model width.</summary>
    [JsonPropertyName("n_embd"), JsonRequired] public int Width { get; init; }

    /// <summary>Number of blocks.</summary>
    [JsonPropertyName("n_layer"), JsonRequired] public int Layers { get; init; }

    /// <summary>Attention heads of a block.</summary>
    [JsonPropertyName("n_head"), JsonRequired] public int Heads { get; init; }

    /// <summary>Width of the feed-forward layer; 4 x width where null.</summary>
    [JsonPropertyName("n_inner")] public int? Inner { get; init; }

    /// <summary>Name of the feed-forward activation.</summary>
    [JsonPropertyName("activation_function")] public string ActivationFunction { get; init; } = "gelu_new";

    /// <summary>Epsilon of the layer norms.</summary>
    [JsonPropertyName("layer_norm_epsilon")] public float LayerNormEpsilon { get; init; } = 1e-5f;

    /// <summary>Whether scores are divided by the square root of the head size.</summary>
    [JsonPropertyName("scale_attn_weights")] public bool ScaleAttention { get; init; } = true;

    /// <summary>Whether scores are further divided by the block's number (from 1).</summary>
    [JsonPropertyName("scale_attn_by_inverse_layer_idx")] public bool ScaleAttentionByLayer { get; init; }

    /// <summary>Whether the output layer is the token table.</summary>
    [JsonPropertyName("tie_word_embeddings")] public bool TieWordEmbeddings { get; init; } = true;
}
