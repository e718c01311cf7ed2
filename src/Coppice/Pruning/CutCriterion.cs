using System.Text.Json.Serialization;

namespace Coppice.Pruning;

/// <summary>What decides which channels, heads, neurons or layers are cut out of a model, by the names that recipes and the command line give
/// it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CutCriterion>))]
public enum CutCriterion
{
    /// <summary>Smallest sum of |w| over all weights that make or read it.</summary>
    [JsonStringEnumMemberName("l1")]
    L1,

    /// <summary>Smallest sum of w².</summary>
    [JsonStringEnumMemberName("l2")]
    L2,

    /// <summary>Smallest scale of batch normalisation.</summary>
    [JsonStringEnumMemberName("bn")]
    BatchNorm,

    /// <summary>Nearest to all others (He et al. 2019).</summary>
    [JsonStringEnumMemberName("fpgm")]
    GeometricMedian,

    /// <summary>Smallest share of w² among all that are not lower (Lee et al. 2021).</summary>
    [JsonStringEnumMemberName("lamp")]
    Lamp,

    /// <summary>At random.</summary>
    [JsonStringEnumMemberName("random")]
    Random,

    /// <summary>Smallest activations.</summary>
    [JsonStringEnumMemberName("activation")]
    Activation,

    /// <summary>Smallest weights times norm of what they read (Sun et al. 2024).</summary>
    [JsonStringEnumMemberName("wanda")]
    Wanda,

    /// <summary>Smallest change of the loss to first order.</summary>
    [JsonStringEnumMemberName("taylor")]
    Taylor,

    /// <summary>Smallest change of the loss to second order, gradient included.</summary>
    [JsonStringEnumMemberName("taylor2")]
    SecondOrderTaylor,

    /// <summary>Smallest change of the loss by the empirical Fisher matrix.</summary>
    [JsonStringEnumMemberName("fisher")]
    Fisher,

    /// <summary>Smallest change of the loss by the Hessian's diagonal.</summary>
    [JsonStringEnumMemberName("hessian")]
    Hessian,

    /// <summary>What network slimming masked, or masks now where an amount is given (Liu et al. 2017); of recipes.</summary>
    [JsonStringEnumMemberName("slimming")]
    Slimming,

    /// <summary>Of layers: the least change of the hidden states (Men et al. 2024).</summary>
    [JsonStringEnumMemberName("block-influence")]
    BlockInfluence,

    /// <summary>Of layers: the run of consecutive ones over which the last token turns least (Gromov et al. 2024).</summary>
    [JsonStringEnumMemberName("angular")]
    Angular,
}
