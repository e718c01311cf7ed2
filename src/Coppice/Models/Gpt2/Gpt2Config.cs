using System.Text.Json.Serialization;

namespace Coppice.Models.Gpt2;

/// <summary>GPT-2's config.json: the members that decide what is computed, with Hugging Face's names and defaults.</summary>
/// <param name="VocabSize">Number of token ids.</param>
/// <param name="Width">Model width.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Attention heads of a block.</param>
/// <param name="Positions">Longest sequence: rows of the position table.</param>
/// <param name="Inner">Width of the feed-forward layer; 4 x width where null.</param>
/// <param name="Activation">Name of the feed-forward activation.</param>
/// <param name="LayerNormEpsilon">Epsilon of the layer norms.</param>
/// <param name="ScaleAttention">Whether scores are divided by the square root of the head size.</param>
/// <param name="ScaleAttentionByLayer">Whether scores are further divided by the block's number, from 1.</param>
/// <param name="TieWordEmbeddings">Whether the output layer is the token table.</param>
/// <param name="PrunedHeads">By layer, which of its heads are not in the weights.</param>
public sealed record Gpt2Config(
    [property: JsonPropertyName("vocab_size")] int VocabSize,
    [property: JsonPropertyName("n_embd")] int Width,
    [property: JsonPropertyName("n_layer")] int Layers,
    [property: JsonPropertyName("n_head")] int Heads,
    [property: JsonPropertyName("n_positions")] int Positions = 1024,
    [property: JsonPropertyName("n_inner")] int? Inner = null,
    [property: JsonPropertyName("activation_function")] string Activation = "gelu_new",
    [property: JsonPropertyName("layer_norm_epsilon")] float LayerNormEpsilon = 1e-5f,
    [property: JsonPropertyName("scale_attn_weights")] bool ScaleAttention = true,
    [property: JsonPropertyName("scale_attn_by_inverse_layer_idx")] bool ScaleAttentionByLayer = false,
    [property: JsonPropertyName("tie_word_embeddings")] bool TieWordEmbeddings = true,
    [property: JsonPropertyName("pruned_heads")] IReadOnlyDictionary<string, IReadOnlyList<int>>? PrunedHeads = null)
{
    /// <summary>Width of the heads that a layer has.</summary>
    internal int AttentionWidth(int layer) => Models.PrunedHeads.Left(PrunedHeads, layer, Heads).Count * (Width / Heads);

    internal void Check(ConfigCheck check)
    {
        ConfigCheck.Positive("vocab_size", VocabSize);
        ConfigCheck.Positive("n_embd", Width);
        ConfigCheck.Positive("n_layer", Layers);
        ConfigCheck.Positive("n_head", Heads);
        ConfigCheck.Positive("n_positions", Positions);
        ConfigCheck.Positive("n_inner", Inner ?? 1);
        ConfigCheck.Divides("n_head", Heads, "n_embd", Width);
        Models.PrunedHeads.Check(PrunedHeads, Layers, Heads);
        check.Fits("vocab_size", VocabSize, Width);
        check.Fits("n_positions", Positions, Width);
        check.Fits("n_layer", Layers, (Int128)Width * 2L * (Inner ?? 4L * Width));
        check.Fits("n_embd", Width, (Int128)4 * Models.PrunedHeads.Sum(PrunedHeads, Layers, Heads) * (Width / Heads));
    }
}
