using System.Text.Json.Serialization;
using Coppice.Pruning;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>What turns gradients into updates.</summary>
/// <param name="LearningRate">Step size.</param>
/// <param name="Type">The algorithm.</param>
/// <param name="Momentum">Of sgd: share of the last direction that is kept.</param>
/// <param name="Nesterov">Of sgd: whether the gradient counts once more on top of the momentum.</param>
/// <param name="WeightDecay">Pull towards 0; where left out 0.01 for adamW and 0 for the others.</param>
/// <param name="Groups">Exceptions for parameters whose names a glob matches; the first match counts.</param>
public sealed record OptimizerSettings(
    double LearningRate,
    OptimizerType Type = OptimizerType.Sgd,
    double Momentum = 0,
    bool Nesterov = false,
    double? WeightDecay = null,
    IReadOnlyList<ParameterGroup>? Groups = null);

/// <summary>Optimizers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OptimizerType>))]
public enum OptimizerType
{
    /// <summary>Stochastic gradient descent, see <see cref="Training.Sgd"/>.</summary>
    [JsonStringEnumMemberName("sgd")]
    Sgd,

    /// <summary>See <see cref="Training.Adam"/>.</summary>
    [JsonStringEnumMemberName("adam")]
    Adam,

    /// <summary>See <see cref="Training.AdamW"/>.</summary>
    [JsonStringEnumMemberName("adamW")]
    AdamW,
}

/// <summary>The learning rate over a stage, see <see cref="LearningRateSchedule"/>.</summary>
/// <param name="Type">The form.</param>
/// <param name="Warmup">Epochs, or parts of one, in which it first rises in a line.</param>
/// <param name="Period">Of restarts and step: epochs from one restart or step to the next.</param>
/// <param name="Multiplier">Of restarts: how much longer each period is than the last.</param>
/// <param name="Gamma">Of step: what the learning rate is multiplied by.</param>
/// <param name="Floor">Of cosine and restarts: share of the learning rate that is left at the end.</param>
public sealed record ScheduleSettings(
    ScheduleType Type,
    double Warmup = 0,
    double Period = 1,
    int Multiplier = 1,
    double Gamma = 0.1,
    double Floor = 0);

/// <summary>Forms of learning-rate schedules.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ScheduleType>))]
public enum ScheduleType
{
    /// <summary>Stays as it is.</summary>
    [JsonStringEnumMemberName("constant")]
    Constant,

    /// <summary>Half a cosine from the whole to the floor.</summary>
    [JsonStringEnumMemberName("cosine")]
    Cosine,

    /// <summary>Cosines that start again after each period.</summary>
    [JsonStringEnumMemberName("restarts")]
    Restarts,

    /// <summary>Falls by a factor after each period.</summary>
    [JsonStringEnumMemberName("step")]
    Step,

    /// <summary>Up and down once.</summary>
    [JsonStringEnumMemberName("oneCycle")]
    OneCycle,
}

/// <summary>Sparsity training for network slimming (Liu et al. 2017).</summary>
/// <param name="Lambda">Weight of the L1 norm of the scales of batch normalisation, usually 1e-5 to 1e-3.</param>
public sealed record SlimmingSettings(double Lambda);

/// <summary>Group lasso over what depends on each other: whole channels, heads and neurons go towards 0 (see
/// <see cref="Pruning.Callbacks.GroupLasso"/>).</summary>
/// <param name="Lambda">Weight of the norms of the groups' indices, usually 1e-5 to 1e-3.</param>
public sealed record RegularizeSettings(double Lambda);

/// <summary>An L2 penalty that grows, on what the next stage that cuts would cut now (Wang et al. 2021, GReg-1; see
/// <see cref="Pruning.Callbacks.GrowingRegularization"/>).</summary>
/// <param name="Growth">What the penalty's factor grows by.</param>
/// <param name="Every">Steps from one growth to the next.</param>
/// <param name="Most">Largest factor.</param>
public sealed record GrowingSettings(double Growth = 1e-4, int Every = 10, double Most = 1);

/// <summary>Pruning during training.</summary>
/// <param name="Amount">Share of the weights or channels in scope that are zero at the end.</param>
/// <param name="Criterion">What decides which go.</param>
/// <param name="Schedule">The sparsity over time.</param>
/// <param name="Begin">When it begins.</param>
/// <param name="End">When the amount is reached, before the end of the stage; at three quarters of it where left out.</param>
/// <param name="Frequency">Time from one pruning to the next; a hundredth of the time between begin and end where left out.</param>
/// <param name="Rounds">Of iterative: how many times it prunes, at equal intervals.</param>
/// <param name="Unit">What these times are counted in.</param>
/// <param name="Scope">Whether all are ranked together or each tensor loses the amount.</param>
/// <param name="Granularity">Single weights, or whole output channels.</param>
/// <param name="Include">Globs of the weights in scope, instead of the default scope.</param>
/// <param name="Exclude">Globs of weights taken out of the scope.</param>
/// <param name="CalibrationBatches">Batches of training data that gradients are summed over each time, where the criterion needs
/// them.</param>
public sealed record GradualSettings(
    double Amount,
    PruningCriterion Criterion = PruningCriterion.Magnitude,
    SparsityScheduleType Schedule = SparsityScheduleType.Cubic,
    double Begin = 0,
    double? End = null,
    double? Frequency = null,
    int Rounds = 5,
    TimeUnit Unit = TimeUnit.Epochs,
    PruneScope Scope = PruneScope.Global,
    PruningGranularity Granularity = PruningGranularity.Weight,
    IReadOnlyList<string>? Include = null,
    IReadOnlyList<string>? Exclude = null,
    int CalibrationBatches = 8);
