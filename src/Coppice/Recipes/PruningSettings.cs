using System.Text.Json.Serialization;

namespace Coppice.Recipes;

/// <summary>What decides which weights or channels are pruned.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PruningCriterion>))]
public enum PruningCriterion
{
    /// <summary>Smallest magnitude, of channels smallest L1 norm.</summary>
    [JsonStringEnumMemberName("magnitude")]
    Magnitude,

    /// <summary>At random.</summary>
    [JsonStringEnumMemberName("random")]
    Random,

    /// <summary>Smallest change of the loss to first order (Molchanov et al. 2019).</summary>
    [JsonStringEnumMemberName("taylor")]
    Taylor,

    /// <summary>Smallest connection sensitivity (Lee et al. 2019).</summary>
    [JsonStringEnumMemberName("snip")]
    Snip,

    /// <summary>Smallest change of the loss to second order, by the diagonal of the empirical Fisher matrix (LeCun et al. 1990).</summary>
    [JsonStringEnumMemberName("fisher")]
    Fisher,

    /// <summary>Channels by the mean magnitude of the loss's gradient with respect to their output.</summary>
    [JsonStringEnumMemberName("outputGradient")]
    OutputGradient,

    /// <summary>Weights that training moved towards 0 (Sanh et al. 2020); while training alone.</summary>
    [JsonStringEnumMemberName("movement")]
    Movement,

    /// <summary>Channels by the magnitude of their scale in batch normalisation (Liu et al. 2017).</summary>
    [JsonStringEnumMemberName("slimming")]
    Slimming,
}

/// <summary>What is pruned as one.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PruningGranularity>))]
public enum PruningGranularity
{
    /// <summary>Single weights.</summary>
    [JsonStringEnumMemberName("weight")]
    Weight,

    /// <summary>Output channels.</summary>
    [JsonStringEnumMemberName("channel")]
    Channel,
}

/// <summary>The sparsity over time.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SparsityScheduleType>))]
public enum SparsityScheduleType
{
    /// <summary>Fast at first, slow at the end (Zhu and Gupta 2017).</summary>
    [JsonStringEnumMemberName("cubic")]
    Cubic,

    /// <summary>A line.</summary>
    [JsonStringEnumMemberName("linear")]
    Linear,

    /// <summary>The same share of what is left each time.</summary>
    [JsonStringEnumMemberName("exponential")]
    Exponential,

    /// <summary>Equal rounds, each followed by recovery (Han et al. 2015).</summary>
    [JsonStringEnumMemberName("iterative")]
    Iterative,

    /// <summary>All at the beginning.</summary>
    [JsonStringEnumMemberName("constant")]
    Constant,
}

/// <summary>What times within a stage are counted in.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TimeUnit>))]
public enum TimeUnit
{
    /// <summary>Passes over the training data.</summary>
    [JsonStringEnumMemberName("epochs")]
    Epochs,

    /// <summary>Updates of the weights.</summary>
    [JsonStringEnumMemberName("steps")]
    Steps,
}

/// <summary>Which data a model is measured on.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EvaluationData>))]
public enum EvaluationData
{
    /// <summary>The test data, or the validation data where there is none.</summary>
    [JsonStringEnumMemberName("test")]
    Test,

    /// <summary>The validation data.</summary>
    [JsonStringEnumMemberName("validation")]
    Validation,

    /// <summary>The training data, unchanged.</summary>
    [JsonStringEnumMemberName("train")]
    Train,
}
