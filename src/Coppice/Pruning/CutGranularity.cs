using System.Text.Json.Serialization;

namespace Coppice.Pruning;

/// <summary>What is cut out of a model, by the names that recipes and the command line give it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CutGranularity>))]
public enum CutGranularity
{
    /// <summary>Channels, heads and neurons.</summary>
    [JsonStringEnumMemberName("all")]
    All,

    /// <summary>Channels of convolutions.</summary>
    [JsonStringEnumMemberName("channel")]
    Channel,

    /// <summary>Attention heads.</summary>
    [JsonStringEnumMemberName("head")]
    Head,

    /// <summary>Of grouped queries, one query head for each key head.</summary>
    [JsonStringEnumMemberName("query")]
    Query,

    /// <summary>Units between linear layers.</summary>
    [JsonStringEnumMemberName("neuron")]
    Neuron,

    /// <summary>Features of normalised axes: statistics are then over fewer.</summary>
    [JsonStringEnumMemberName("width")]
    Width,

    /// <summary>Whole blocks of a transformer; the others move up. Of image classifiers residual blocks.</summary>
    [JsonStringEnumMemberName("layer")]
    Layer,
}
