using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Training;
using Coppice.Training.Callbacks;
using Coppice.Training.Distillation;

namespace Coppice.Recipes;

/// <summary>From a recipe's training stage to a <see cref="Trainer"/>.</summary>
/// <param name="file">The recipe.</param>
/// <param name="model">Its model.</param>
/// <param name="data">Its data.</param>
internal sealed class StageTraining(RecipeFile file, RecipeModel model, RecipeData data)
{
    // Enough to stay fast, small against the figures of a batch.
    private const int ReportEvery = 10;

    /// <summary>Cuts what is trained.</summary>
    public StageCutting Cutting => field ??= new(file, model, data, this);

    /// <summary>The training data in the order of one stage.</summary>
    public DataLoader Loader(int stage, int batchSize) => new(data.Train!, new()
    {
        BatchSize = batchSize,
        Seed = SeedOf(stage),
        DropLast = data.Train!.Count >= batchSize,
    });

    /// <summary>What the random choices of a stage derive from.</summary>
    public long SeedOf(int stage) => file.Recipe.Seed * 1_000_003L + stage;

    /// <summary>Updates of the weights in a stage.</summary>
    public static long StepsOf(TrainStage stage, DataLoader loader) => stage.Steps ?? stage.Epochs!.Value * StepsPerEpoch(stage, loader);

    /// <summary>What trains a module through a stage.</summary>
    /// <param name="number">The stage's number.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="module">What is trained.</param>
    /// <param name="before">What the recipe cut out of it before.</param>
    /// <param name="stateFile">Where its state is kept; null for a trial.</param>
    /// <param name="last">What acts after all else.</param>
    public Trainer Create(
        int number, TrainStage stage, Module module, IReadOnlyList<StageCut> before, string? stateFile, TrainingCallback? last = null)
    {
        var loader = Loader(number, stage.BatchSize);
        var (steps, perEpoch) = (StepsOf(stage, loader), StepsPerEpoch(stage, loader));
        var pruning = stage.Prune is { } settings ? Sparsity(settings, steps, perEpoch) : null;
        return new(TrainingTask.Of(module), OptimizerOf(stage.Optimizer, module), loader, new()
        {
            Steps = steps,
            Schedule = Rate(stage.Schedule, steps, perEpoch),
            Accumulate = stage.Accumulate,
            ClipNorm = stage.ClipNorm,
            LabelSmoothing = (float)stage.LabelSmoothing,
            Validation = data.Validation is { } validation ? RecipeData.Loader(validation) : null,
            EvaluateEvery = stage.EvaluateEvery,
            ReportEvery = ReportEvery,
            StateFile = stateFile,
            SaveEvery = stage.SaveEvery,
        }, [.. Growing(number, stage, module, before, isTrial: stateFile is null), .. Callbacks(stage, module, loader, pruning),
            .. last is null ? (TrainingCallback[])[] : [last]]);
    }

    /// <summary>The sparsity over the steps of a stage.</summary>
    public static SparsitySchedule Sparsity(GradualSettings settings, long steps, long perEpoch)
    {
        var begin = Step(settings.Begin);
        var end = settings.End is { } given ? Step(given) : begin + (steps - begin) * 3 / 4;
        var frequency = Math.Max(1, settings.Frequency is { } interval ? Step(interval) : (end - begin) / 100);
        return settings.Schedule switch
        {
            SparsityScheduleType.Linear => SparsitySchedule.Linear(0, settings.Amount, begin, end, frequency),
            SparsityScheduleType.Exponential => SparsitySchedule.Exponential(0, settings.Amount, begin, end, frequency),
            SparsityScheduleType.Iterative => SparsitySchedule.Iterative(settings.Amount, settings.Rounds, begin,
                Math.Max(1, (end - begin) / Math.Max(1, settings.Rounds - 1))),
            SparsityScheduleType.Constant => SparsitySchedule.OneShot(settings.Amount, begin),
            _ => SparsitySchedule.Cubic(0, settings.Amount, begin, end, frequency),
        };

        long Step(double time) => (long)Math.Round(settings.Unit == TimeUnit.Steps ? time : time * perEpoch);
    }

    /// <summary>In the order in which they have to act: what is kept is the running mean, and measured as such.</summary>
    private IEnumerable<TrainingCallback> Callbacks(TrainStage stage, Module module, DataLoader loader, SparsitySchedule? pruning)
    {
        if (stage.Distill is { } distill)
            yield return Distillation(distill);
        if (stage.Slimming is { } slimming)
            yield return new NetworkSlimming(slimming.Lambda, share: 0, pruneAt: null, loader);
        if (stage.Regularize is { } regularize)
            yield return new GroupLasso(GroupPruning.Usual(DependencyGraph.Of(model.Trace(module).Graph)), regularize.Lambda);
        if (stage.Prune is { } prune)
            yield return new GradualPruning(StagePruning.CriterionOf(prune.Criterion, prune.Granularity, file.Recipe.Seed), pruning!,
                LiveWeight.Select(module, model.Facts, prune.Include, prune.Exclude))
            {
                Scope = prune.Scope,
                Calibration = loader,
                CalibrationBatches = prune.CalibrationBatches,
            };
        // Before the last pruning a model may be better, but it is not the one that was asked for.
        var from = pruning is null ? 0 : pruning.End + 1;
        if (stage.Ema is { } decay)
            yield return new ExponentialMovingAverage(decay);
        if (stage.KeepBest)
            yield return new KeepBest(from);
        if (stage.EarlyStopping is { } patience)
            yield return new EarlyStopping(patience, from);
    }

    private IEnumerable<TrainingCallback> Growing(int number, TrainStage stage, Module module, IReadOnlyList<StageCut> before, bool isTrial)
    {
        if (stage.Growing is not { } growing)
            yield break;
        var next = number + 1 + file.Recipe.Stages.Skip(number + 1).TakeWhile(later => later is not CutStage).Count();
        yield return Cutting.Growing(growing, next, (CutStage)file.Recipe.Stages[next], module, before, isTrial);
    }

    private KnowledgeDistillation Distillation(DistillSettings settings)
    {
        var isOwn = settings.Teacher == DistillSettings.Original;
        var teacher = isOwn ? model : RecipeModel.Of(file, settings.Teacher, settings.Architecture ?? file.Recipe.Model.Architecture, "distill.teacher");
        return new(TrainingTask.Of(teacher.Open()), new()
        {
            Temperature = (float)settings.Temperature,
            Alpha = (float)settings.Alpha,
            Seed = file.Recipe.Seed,
            Transfers =
            [
                .. (settings.Hidden ?? []).Select(hidden =>
                    new HiddenStateTransfer(hidden.Student, hidden.Teacher ?? hidden.Student, (float)hidden.Weight) { Projected = hidden.Projected }),
                .. (settings.Attention ?? []).Select(attention => Attention(attention.Student, attention.Teacher ?? attention.Student,
                    (float)attention.Weight)),
            ],
        });
    }

    private LayerTransfer Attention(string student, string teacher, float weight) => model is VisionRecipeModel
        ? new AttentionMapTransfer(student, teacher, weight)
        : new AttentionRelationTransfer(student, teacher, weight);

    private static Optimizer OptimizerOf(OptimizerSettings settings, Module module) => settings.Type switch
    {
        OptimizerType.Adam => new Adam(module, settings.LearningRate, settings.WeightDecay ?? 0, settings.Groups),
        OptimizerType.AdamW => new AdamW(module, settings.LearningRate, settings.WeightDecay ?? 0.01, settings.Groups),
        _ => new Sgd(module, settings.LearningRate, settings.WeightDecay ?? 0, settings.Groups)
        {
            Momentum = settings.Momentum,
            Nesterov = settings.Nesterov,
        },
    };

    private static Func<long, double> Rate(ScheduleSettings? settings, long steps, long perEpoch)
    {
        if (settings is null)
            return _ => 1;
        var warmup = (long)Math.Round(settings.Warmup * perEpoch);
        var period = Math.Max(1, (long)Math.Round(settings.Period * perEpoch));
        Func<long, double> rate = settings.Type switch
        {
            ScheduleType.Cosine => step => LearningRateSchedule.CosineAnnealing(step, Math.Max(1, steps - warmup), settings.Floor),
            ScheduleType.Restarts => step => LearningRateSchedule.CosineWarmRestarts(step, period, settings.Multiplier, settings.Floor),
            ScheduleType.Step => step => LearningRateSchedule.StepDecay(step, period, settings.Gamma),
            ScheduleType.OneCycle => step => LearningRateSchedule.OneCycle(step, steps),
            _ => _ => 1,
        };
        return warmup == 0 ? rate : step => step < warmup ? LearningRateSchedule.LinearWarmup(step, warmup) : rate(step - warmup);
    }

    private static long StepsPerEpoch(TrainStage stage, DataLoader loader) => (loader.BatchesPerEpoch + stage.Accumulate - 1L) / stage.Accumulate;
}
