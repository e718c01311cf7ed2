using System.Text.Json.Serialization;

namespace Coppice.Pruning;

/// <summary>What an amount is taken of.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PruneScope>))]
public enum PruneScope
{
    /// <summary>Each tensor loses the amount.</summary>
    [JsonStringEnumMemberName("per-tensor")]
    PerTensor,

    /// <summary>All tensors in scope are ranked together and lose the amount between them.</summary>
    [JsonStringEnumMemberName("global")]
    Global,
}

/// <summary>Whose exact behaviour is followed where it is a matter of convention. Counts are the same.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PruneSemantics>))]
public enum PruneSemantics
{
    /// <summary>Pruned weights become +0, equal scores go by lowest flat index, NaN is refused, random choices are random-access. The
    /// default.</summary>
    [JsonStringEnumMemberName("strict")]
    Strict,

    /// <summary>
    /// Bit-equal with <c>torch.nn.utils.prune</c> followed by <c>remove</c>: pruned weights are multiplied by zero, so they keep their
    /// sign and
    /// infinities become NaN; NaN ranks highest; random choices are those after <c>torch.manual_seed</c>. PyTorch leaves open which of
    /// equal scores is
    /// pruned; here it is the lowest flat index.
    /// </summary>
    [JsonStringEnumMemberName("torch")]
    Torch,
}
