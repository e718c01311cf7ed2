using System.Text.Json.Serialization;

namespace Coppice.Models.Bert;

/// <summary>BERT's config.json: the members that decide what is computed, with Hugging Face's names and defaults.</summary>
/// <param name="VocabSize">Number of token ids.</param>
/// <param name="Width">Model width.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Attention heads of a block.</param>
/// <param name="Inner">Width of the feed-forward layer.</param>
/// <param name="Positions">Longest sequence: rows of the position table.</param>
/// <param name="TokenTypes">Rows of the token type table.</param>
/// <param name="Activation">Name of the feed-forward activation.</param>
/// <param name="LayerNormEpsilon">Epsilon of the layer norms.</param>
/// <param name="Dropout">Probability of dropout on hidden states while training.</param>
/// <param name="Labels">Classes of a classifier, where the file says so.</param>
/// <param name="LabelNames">Class names by number, where the file says so.</param>
/// <param name="PadSize">Length that texts are cut to, where the classifier was trained with one.</param>
/// <param name="PrunedHeads">By layer, which of its heads are not in the weights.</param>
public sealed record BertConfig(
    [property: JsonPropertyName("vocab_size")] int VocabSize,
    [property: JsonPropertyName("hidden_size")] int Width,
    [property: JsonPropertyName("num_hidden_layers")] int Layers,
    [property: JsonPropertyName("num_attention_heads")] int Heads,
    [property: JsonPropertyName("intermediate_size")] int Inner,
    [property: JsonPropertyName("max_position_embeddings")] int Positions = 512,
    [property: JsonPropertyName("type_vocab_size")] int TokenTypes = 2,
    [property: JsonPropertyName("hidden_act")] string Activation = "gelu",
    [property: JsonPropertyName("layer_norm_eps")] float LayerNormEpsilon = 1e-12f,
    [property: JsonPropertyName("hidden_dropout_prob")] float Dropout = 0.1f,
    [property: JsonPropertyName("num_labels")] int? Labels = null,
    [property: JsonPropertyName("id2label")] IReadOnlyDictionary<string, string>? LabelNames = null,
    [property: JsonPropertyName("pad_size")] int? PadSize = null,
    [property: JsonPropertyName("pruned_heads")] IReadOnlyDictionary<string, IReadOnlyList<int>>? PrunedHeads = null)
{
    /// <summary>Width of the heads that a layer has.</summary>
    internal int AttentionWidth(int layer) => Models.PrunedHeads.Left(PrunedHeads, layer, Heads).Count * (Width / Heads);

    internal void Check(ConfigCheck check)
    {
        ConfigCheck.Positive("vocab_size", VocabSize);
        ConfigCheck.Positive("hidden_size", Width);
        ConfigCheck.Positive("num_hidden_layers", Layers);
        ConfigCheck.Positive("num_attention_heads", Heads);
        ConfigCheck.Positive("intermediate_size", Inner);
        ConfigCheck.Positive("max_position_embeddings", Positions);
        ConfigCheck.Positive("type_vocab_size", TokenTypes);
        ConfigCheck.Positive("num_labels", Labels ?? 1);
        ConfigCheck.Divides("num_attention_heads", Heads, "hidden_size", Width);
        Models.PrunedHeads.Check(PrunedHeads, Layers, Heads);
        check.Fits("vocab_size", VocabSize, Width);
        check.Fits("max_position_embeddings", Positions, Width);
        check.Fits("type_vocab_size", TokenTypes, Width);
        check.Fits("num_labels", Labels ?? 1, Width);
        check.Fits("num_hidden_layers", Layers, (Int128)Width * 2L * Inner);
        check.Fits("hidden_size", Width, (Int128)4 * Models.PrunedHeads.Sum(PrunedHeads, Layers, Heads) * (Width / Heads));
    }
}
