using System.Diagnostics;
using Coppice.Checkpoints;
using Coppice.Evaluation;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Selection;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>What a recipe will do, and about how long it takes.</summary>
/// <param name="Parameters">Parameters of the model.</param>
/// <param name="Stages">The stages.</param>
/// <param name="Seconds">Estimated time of all training steps.</param>
/// <param name="PeakBytes">The most memory resident while the first steps were tried; null where the system does not tell.</param>
public sealed record RecipePlan(long Parameters, IReadOnlyList<PlannedStage> Stages, double Seconds, long? PeakBytes)
{
    // The first step fills caches and pools; the others tell.
    private const int TriedSteps = 4;

    internal static RecipePlan Of(RecipeFile file, RecipeModel model, RecipeData data, StageTraining training,
        IReadOnlyDictionary<int, StageCut> cuts, CancellationToken cancellation)
    {
        using var folder = new TemporaryFolder();
        model.Workspace = folder.FullName;
        var stages = file.Recipe.Stages.Select((stage, number) => stage switch
        {
            TrainStage train => Training(number, train, Opened(number), CutsBefore(number), model, data, training, cancellation),
            PruneStage prune => new(number, prune.Type, Pruning(prune, Opened(number), model)),
            CutStage cut => new(number, cut.Type, Cutting(cut, cuts[number].Report)),
            RewindStage rewind => new(number, rewind.Type, $"the weights of before stage {rewind.Stage}, under the masks of then"),
            EvaluateStage evaluate => new PlannedStage(number, evaluate.Type, $"on the {Lower(evaluate.Data)} data"),
            _ => throw new UnreachableException(),
        }).ToList();
        return new(model.Open().NamedParameters().Sum(entry => entry.Parameter.Data.Count), stages,
            stages.Sum(stage => stage.SecondsPerStep * stage.Steps ?? 0), ProcessMemory.Measure().PeakResident);

        // Of about the sizes that it will have before a stage.
        Module Opened(int number) => model.Open(CutsBefore(number));

        IReadOnlyList<StageCut> CutsBefore(int number) => [.. cuts.Where(cut => cut.Key < number).Select(cut => cut.Value)];
    }

    private static PlannedStage Training(
        int number, TrainStage stage, Module module, IReadOnlyList<StageCut> before, RecipeModel model, RecipeData data, StageTraining training,
        CancellationToken cancellation)
    {
        var timer = new Timer();
        var trainer = training.Create(number, stage with { EvaluateEvery = long.MaxValue, KeepBest = false, EarlyStopping = null }, module, before, null, timer);
        var (steps, perEpoch) = (trainer.Steps, trainer.StepsPerEpoch);
        trainer.Run(cancellation: cancellation);
        List<string> parts = [$"{data.Train!.Count} examples in batches of {stage.BatchSize}{(stage.Accumulate > 1 ? $" x {stage.Accumulate}" : "")}",
            $"{Lower(stage.Optimizer.Type)} at {stage.Optimizer.LearningRate}, {Lower(stage.Schedule?.Type ?? ScheduleType.Constant)}"];
        if (stage.Slimming is { } slimming)
            parts.Add($"scales of batch normalisation drawn to 0 by {slimming.Lambda}");
        if (stage.Regularize is { } regularize)
            parts.Add($"channels, heads and neurons drawn to 0 by {regularize.Lambda}");
        if (stage.Growing is { } growing)
            parts.Add($"what is cut next drawn to 0 by {growing.Growth} more every {growing.Every} steps, {growing.Most} at the most");
        if (stage.Prune is { } prune)
            parts.Add(Pruning(prune, model, module, steps, perEpoch));
        if (stage.Distill is { } distill)
            parts.Add($"teacher {distill.Teacher}, alpha {distill.Alpha}, temperature {distill.Temperature}");
        return new(number, stage.Type, string.Join("; ", parts), steps, (double)steps / perEpoch, timer.SecondsPerStep);
    }

    private static string Pruning(GradualSettings prune, RecipeModel model, Module module, long steps, long perEpoch)
    {
        var schedule = StageTraining.Sparsity(prune, steps, perEpoch);
        return $"prunes {Scope(prune.Amount, prune.Granularity, LiveWeight.Select(module, model.Facts, prune.Include, prune.Exclude))} by "
            + $"{Lower(prune.Criterion)}, {Lower(prune.Schedule)} from step {schedule.Begin} to {schedule.End} every {schedule.Frequency}";
    }

    private static string Cutting(CutStage cut, CutReport about)
    {
        var target = cut switch
        {
            { TargetMacs: { } macs } => $"until {macs:P0} of the multiply-accumulates are left",
            { TargetParams: { } parameters } => $"until {parameters:P0} of the parameters are left",
            { TargetSize: { } size } => $"until the weights' file takes {size} at the most",
            { TargetLatency: { } time } => $"until one example takes {time} at the most, to be measured; with half of them gone",
            { Amount: { } amount } => $"{amount:P0} of them",
            _ => "those that are masked",
        };
        var what = cut.Granularity switch
        {
            CutGranularity.All => "channels, heads and neurons",
            CutGranularity.Query => "query heads",
            CutGranularity.Width => "features of the model's width",
            var one => $"{Lower(one)}s",
        };
        var compensation = cut.Compensate is { Count: > 0 } asked ? $"; made up for by {string.Join(" and ", asked.Select(Words))}" : "";
        return $"cuts {what} out by {GroupCriteria.NameOf(cut.Measure)}, {target}: about {about.MacsBefore:N0} -> {about.MacsAfter:N0} multiply-accumulates, "
            + $"{about.ParametersBefore:N0} -> {about.ParametersAfter:N0} parameters{compensation}";
    }

    private static string Words(CutCompensation compensation) => compensation switch
    {
        CutCompensation.LeastSquares => "least squares",
        CutCompensation.Bias => "biases",
        _ => "new statistics of batch normalisation",
    };

    private static string Pruning(PruneStage prune, Module module, RecipeModel model) => prune.Criterion == PruningCriterion.Slimming
        ? $"{prune.Amount:P0} of the channels by the scales of batch normalisation"
        : $"{Scope(prune.Amount, prune.Granularity, LiveWeight.Select(module, model.Facts, prune.Include, prune.Exclude))} by {Lower(prune.Criterion)}";

    private static string Scope(double amount, PruningGranularity granularity, IReadOnlyList<LiveWeight> weights)
    {
        var count = granularity == PruningGranularity.Channel ? weights.Sum(weight => (long)weight.Outputs) : weights.Sum(weight => weight.Count);
        var unit = granularity == PruningGranularity.Channel ? "channels" : "weights";
        return $"{Math.Round(amount * count, MidpointRounding.ToEven):N0} of {count:N0} {unit} in {weights.Count} tensors";
    }

    private static string Lower<T>(T word) where T : struct, Enum => char.ToLowerInvariant(word.ToString()[0]) + word.ToString()[1..];

    /// <summary>Ends a run after a few steps and tells how long they took.</summary>
    private sealed class Timer : TrainingCallback
    {
        private long _first;
        private long _steps;
        private TimeSpan _time;

        public double SecondsPerStep => _steps == 0 ? _time.TotalSeconds : _time.TotalSeconds / _steps;

        public override void StepDone(Trainer trainer)
        {
            if (trainer.Step == 0)
                _first = Stopwatch.GetTimestamp();
            (_steps, _time) = (trainer.Step, Stopwatch.GetElapsedTime(_first));
            if (trainer.Step + 1 == TriedSteps)
                trainer.Stop();
        }
    }
}

/// <summary>What a stage will do.</summary>
/// <param name="Stage">Its number.</param>
/// <param name="Type">Its type.</param>
/// <param name="Description">What it does, in words.</param>
/// <param name="Steps">Of training: updates of the weights.</param>
/// <param name="Epochs">Of training: passes over the data.</param>
/// <param name="SecondsPerStep">Of training: measured over a few steps.</param>
public sealed record PlannedStage(int Stage, string Type, string Description, long? Steps = null, double? Epochs = null, double? SecondsPerStep = null);
