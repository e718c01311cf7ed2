using System.Text.Json.Serialization;

namespace Coppice.Pruning.Compensation;

/// <summary>What makes up for what was cut, by the names that recipes and the command line give it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CutCompensation>))]
public enum CutCompensation
{
    /// <summary>What went is expressed by what stays, in the weights that read it.</summary>
    [JsonStringEnumMemberName("least-squares")]
    LeastSquares,

    /// <summary>The mean of what went is added to biases.</summary>
    [JsonStringEnumMemberName("bias")]
    Bias,

    /// <summary>Statistics of batch normalisations are taken anew.</summary>
    [JsonStringEnumMemberName("batch-norm")]
    BatchNorm,
}
