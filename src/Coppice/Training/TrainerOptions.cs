using Coppice.Data;

namespace Coppice.Training;

/// <summary>How long and how a <see cref="Trainer"/> trains.</summary>
public sealed record TrainerOptions
{
    /// <summary>Updates of the parameters, at least 0.</summary>
    public required long Steps { get; init; }

    /// <summary>The learning rate over time: from a step, counted from 0, to the factor of the optimizer's rates (see
    /// <see cref="LearningRateSchedule"/>).</summary>
    public Func<long, double> Schedule { get; init; } = _ => 1;

    /// <summary>Batches whose gradients are averaged for one update.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Largest L2 norm of all gradients together; null for any.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Share of each target spread over all classes (Szegedy et al. 2016), in 0..1.</summary>
    public float LabelSmoothing { get; init; }

    /// <summary>What the model is measured on; null for nothing.</summary>
    public DataLoader? Validation { get; init; }

    /// <summary>Steps from one measurement to the next; the last step is always measured. Null for once an epoch.</summary>
    public long? EvaluateEvery { get; init; }

    /// <summary>Steps from one report to the next.</summary>
    public int ReportEvery { get; init; } = 10;

    /// <summary>The file that the state of the run is kept in, for resuming; null for none.</summary>
    public string? StateFile { get; init; }

    /// <summary>Steps from one writing of <see cref="StateFile"/> to the next.</summary>
    public long SaveEvery { get; init; } = 500;
}

/// <summary>What a run tells while it goes on.</summary>
/// <param name="Step">Updates done.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Epoch">Passes over the data, begun ones included.</param>
/// <param name="Loss">Mean loss of the steps since the last report.</param>
/// <param name="Accuracy">Share of the last batch's targets that were the likeliest class.</param>
/// <param name="LearningRateFactor">What every learning rate is multiplied by.</param>
/// <param name="ExamplesPerSecond">Since the last report.</param>
/// <param name="Validation">The model on the validation data, where it was measured at this step.</param>
/// <param name="Values">What callbacks report: sparsity, thresholds ...</param>
public sealed record TrainingReport(long Step, long Steps, int Epoch, double Loss, double Accuracy, double LearningRateFactor,
    double ExamplesPerSecond, Measurement? Validation, IReadOnlyDictionary<string, double> Values);
