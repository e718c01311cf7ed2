using System.Text.Json.Serialization;

namespace Coppice.Models.Bert;

/// <summary>BERT's config.json: the members that decide what is computed, under Hugging Face's names.</summary>
public sealed record BertConfig
{
    /// <summary>Number of token ids.</summary>
    [JsonPropertyName("vocab_size"), JsonRequired] public int VocabSize { get; init; }

    /// <summary>Model width.</summary>
    [JsonPropertyName("hidden_size"), JsonRequired] public int Width { get; init; }

    /// <summary>Number of blocks.</summary>
    [JsonPropertyName("num_hidden_layers"), JsonRequired] public int Layers { get; init; }

    /// <summary>Attention heads of a block.</summary>
    [JsonPropertyName("num_attention_heads"), JsonRequired] public int Heads { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    [JsonPropertyName("intermediate_size"), JsonRequired] public int Inner { get; init; }

    /// <summary>Longest sequence: rows of the position table.</summary>
    [JsonPropertyName("max_position_embeddings")] public int Positions { get; init; } = 512;

    /// <summary>Rows of the token type table.</summary>
    [JsonPropertyName("type_vocab_size")] public int TokenTypes { get; init; } = 2;

    /// <summary>Name of the feed-forward activation.</summary>
    [JsonPropertyName("hidden_act")] public string Activation { get; init; } = "gelu";

    /// <summary>Epsilon of the layer norms.</summary>
    [JsonPropertyName("layer_norm_eps")] public float LayerNormEpsilon { get; init; } = 1e-12f;

    /// <summary>Probability of dropout on hidden states while training.</summary>
    [JsonPropertyName("hidden_dropout_prob")] public float Dropout { get; init; } = 0.1f;

    /// <summary>Token id of padding.</summary>
    [JsonPropertyName("pad_token_id")] public int PadId { get; init; }

    /// <summary>Classes of a classifier, where the file says so.</summary>
    [JsonPropertyName("num_labels")] public int? Labels { get; init; }

    /// <summary>Class names by number, where the file says so.</summary>
    [JsonPropertyName("id2label")] public IReadOnlyDictionary<string, string>? LabelNames { get; init; }

    /// <summary>Length that headlines are cut or padded to, where the classifier was trained with one.</summary>
    [JsonPropertyName("pad_size")] public int? PadSize { get; init; }
}
