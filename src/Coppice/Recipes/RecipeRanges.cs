using Coppice.Pruning;

namespace Coppice.Recipes;

/// <summary>Checks the numbers of a recipe, before anything is opened.</summary>
/// <param name="file">The recipe's file, for messages.</param>
internal sealed class RecipeRanges(string file)
{
    /// <exception cref="RecipeException">A number is out of its range, or keys contradict each other.</exception>
    public void Check(Recipe recipe)
    {
        CheckModel(recipe.Model);
        CheckData(recipe.Data);
        if (recipe.Stages.Count == 0)
            Fail("stages", "there is no stage; give at least one.");
        for (var i = 0; i < recipe.Stages.Count; i++)
        {
            CheckStage(recipe.Stages[i], i, $"stages[{i}]");
            if (recipe.Stages[i] is TrainStage { Growing: not null }
                && recipe.Stages.Skip(i + 1).OfType<CutStage>().FirstOrDefault() is null or { Criterion: CutCriterion.Slimming } or { IsOfLayers: true } or { TargetLatency: not null })
                Fail($"stages[{i}].growing", "the next 'cut' stage says what is drawn to 0; add one of parts of layers, by another criterion than slimming and without a target to be measured.");
            if (recipe.Model.Path is null && recipe.Stages[i] is TrainStage { Distill.Teacher: DistillSettings.Original })
                Fail($"stages[{i}].distill.teacher", "the original model has random weights and nothing to teach; name another.");
        }
    }

    private void CheckModel(ModelSource model)
    {
        if (model.Path is null && (model.Architecture is null || model.Classes is null))
            Fail("model", "give a path; or, to begin with random weights, an architecture and its number of classes.");
        if (model.Path is not null && model.Classes is not null)
            Fail("model.classes", "the number of classes is the file's; leave it out, or leave the path out to begin with random weights.");
        AtLeast(1, model.Classes, "model.classes");
        var isOnnx = IsOnnx(model);
        if (isOnnx && model.Architecture is not null)
            Fail("model.architecture", "an ONNX file says itself what it computes; leave it out.");
        if (!isOnnx && (model.Mean is not null || model.Std is not null))
            Fail(model.Mean is not null ? "model.mean" : "model.std", "an architecture has its own; only an ONNX file needs it. Leave it out.");
        if (model.Std?.Any(std => !(std > 0 && float.IsFinite(std))) == true)
            Fail("model.std", "expected numbers above 0.");
        if (model.Mean?.Any(mean => !float.IsFinite(mean)) == true)
            Fail("model.mean", "expected finite numbers.");
    }

    private static bool IsOnnx(ModelSource model) => model.Path?.EndsWith(OnnxRecipeModel.Ending, StringComparison.OrdinalIgnoreCase) == true;

    private void CheckData(DataSource data)
    {
        AtLeast(1, data.TakeFirst, "data.takeFirst");
        AtLeast(2, data.MaxLength, "data.maxLength");
        AtLeast(2, data.Window, "data.window");
        AtLeast(0, data.Augmentation?.Padding, "data.augmentation.padding");
        if (data.HoldOut is { } part && !(part > 0 && (part < 1 || part == Math.Floor(part))))
            Fail("data.holdOut", $"expected a share above 0 and below 1, or a whole number of examples, found {part}.");
        if (data is { HoldOut: not null, Validation: not null })
            Fail("data.holdOut", "there is validation data already; leave one of them out.");
        if (data is { HoldOut: not null, Train: null })
            Fail("data.holdOut", "there is no training data to hold some out of; give 'train'.");
    }

    private void CheckStage(RecipeStage stage, int number, string place)
    {
        if (stage is TrainStage train)
            CheckTraining(train, place);
        if (stage is PruneStage prune)
        {
            CheckPruning(prune.Amount, prune.Criterion, prune.Granularity, prune.CalibrationBatches, place);
            AtLeast(1, prune.BatchSize, $"{place}.batchSize");
            if (prune is { Criterion: PruningCriterion.Slimming } and not { Include: null, Exclude: null, Scope: PruneScope.Global })
                Fail(place, "slimming has one threshold for all batch normalisations; leave scope, include and exclude out.");
            if (prune.Criterion == PruningCriterion.Movement)
                Fail($"{place}.criterion", "movement is seen while training alone; prune in a 'train' stage, by its key 'prune'.");
        }
        if (stage is CutStage cut)
            new CutRanges(Within, Fail).Check(cut, place);
        if (stage is RewindStage rewind && (rewind.Stage < 0 || rewind.Stage >= number))
            Fail($"{place}.stage", $"expected the number of an earlier stage, 0 to {number - 1}, found {rewind.Stage}.");
    }

    private void CheckTraining(TrainStage train, string place)
    {
        if (train.Epochs is null == train.Steps is null)
            Fail(place, "give either 'epochs' or 'steps'.");
        AtLeast(1, train.Epochs, $"{place}.epochs");
        AtLeast(1, train.Steps, $"{place}.steps");
        AtLeast(1, train.BatchSize, $"{place}.batchSize");
        AtLeast(1, train.Accumulate, $"{place}.accumulate");
        AtLeast(1, train.EarlyStopping, $"{place}.earlyStopping");
        AtLeast(1, train.EvaluateEvery, $"{place}.evaluateEvery");
        AtLeast(1, train.SaveEvery, $"{place}.saveEvery");
        Within(train.ClipNorm is null or > 0, $"{place}.clipNorm", "a number above 0", train.ClipNorm);
        Within(train.LabelSmoothing is >= 0 and < 1, $"{place}.labelSmoothing", "a share from 0 to below 1", train.LabelSmoothing);
        Within(train.Ema is null or (>= 0 and < 1), $"{place}.ema", "a number from 0 to below 1, such as 0.999", train.Ema);
        CheckOptimizer(train.Optimizer, $"{place}.optimizer");
        CheckSchedule(train.Schedule, $"{place}.schedule");
        Within(train.Slimming is null or { Lambda: > 0 }, $"{place}.slimming.lambda", "a number above 0, such as 1e-4", train.Slimming?.Lambda);
        Within(train.Regularize is null or { Lambda: > 0 }, $"{place}.regularize.lambda", "a number above 0, such as 1e-4",
            train.Regularize?.Lambda);
        if (train.Growing is { } growing)
        {
            Within(growing.Growth > 0, $"{place}.growing.growth", "a number above 0, such as 1e-4", growing.Growth);
            Within(growing.Most > 0, $"{place}.growing.most", "a number above 0", growing.Most);
            AtLeast(1, growing.Every, $"{place}.growing.every");
        }
        if (train.Prune is { } prune)
            CheckGradual(prune, $"{place}.prune");
        if (train.Distill is { } distill)
        {
            Within(distill.Temperature > 0, $"{place}.distill.temperature", "a number above 0", distill.Temperature);
            Within(distill.Alpha is >= 0 and <= 1, $"{place}.distill.alpha", "a share from 0 to 1", distill.Alpha);
            foreach (var (i, transfer) in (distill.Hidden ?? []).Index())
                Within(transfer.Weight >= 0, $"{place}.distill.hidden[{i}].weight", "a number from 0 on", transfer.Weight);
            foreach (var (i, transfer) in (distill.Attention ?? []).Index())
                Within(transfer.Weight >= 0, $"{place}.distill.attention[{i}].weight", "a number from 0 on", transfer.Weight);
        }
    }

    private void CheckOptimizer(OptimizerSettings optimizer, string place)
    {
        Within(optimizer.LearningRate > 0, $"{place}.learningRate", "a number above 0", optimizer.LearningRate);
        Within(optimizer.Momentum is >= 0 and < 1, $"{place}.momentum", "a number from 0 to below 1", optimizer.Momentum);
        Within(optimizer.WeightDecay is null or >= 0, $"{place}.weightDecay", "a number from 0 on", optimizer.WeightDecay);
        if (optimizer.Type != OptimizerType.Sgd && (optimizer.Momentum != 0 || optimizer.Nesterov))
            Fail($"{place}.momentum", "momentum and nesterov are of sgd; leave them out.");
        foreach (var (i, group) in (optimizer.Groups ?? []).Index())
        {
            Within(group.LearningRate is null or >= 0, $"{place}.groups[{i}].learningRate", "a number from 0 on", group.LearningRate);
            Within(group.WeightDecay is null or >= 0, $"{place}.groups[{i}].weightDecay", "a number from 0 on", group.WeightDecay);
        }
    }

    private void CheckSchedule(ScheduleSettings? schedule, string place)
    {
        if (schedule is null)
            return;
        Within(schedule.Warmup >= 0, $"{place}.warmup", "a number of epochs from 0 on", schedule.Warmup);
        Within(schedule.Period > 0, $"{place}.period", "a number of epochs above 0", schedule.Period);
        Within(schedule.Gamma is > 0 and <= 1, $"{place}.gamma", "a number above 0 and at most 1", schedule.Gamma);
        Within(schedule.Floor is >= 0 and < 1, $"{place}.floor", "a share from 0 to below 1", schedule.Floor);
        AtLeast(1, schedule.Multiplier, $"{place}.multiplier");
        if (schedule is { Type: ScheduleType.OneCycle, Warmup: > 0 })
            Fail($"{place}.warmup", "one cycle rises by itself; leave the warmup out.");
    }

    private void CheckGradual(GradualSettings prune, string place)
    {
        CheckPruning(prune.Amount, prune.Criterion, prune.Granularity, prune.CalibrationBatches, place);
        Within(prune.Begin >= 0, $"{place}.begin", "a number from 0 on", prune.Begin);
        Within(prune.End is null || prune.End >= prune.Begin, $"{place}.end", "a number from 'begin' on", prune.End);
        Within(prune.Frequency is null or > 0, $"{place}.frequency", "a number above 0", prune.Frequency);
        AtLeast(1, prune.Rounds, $"{place}.rounds");
        if (prune is { Schedule: SparsityScheduleType.Iterative, Frequency: not null })
            Fail($"{place}.frequency", "an iterative schedule prunes in 'rounds' of equal length; leave the frequency out.");
        if (prune is { Criterion: PruningCriterion.Movement, Begin: 0 })
            Fail($"{place}.begin", "movement is gathered during training and not known at step 0; begin later.");
        if (prune.Criterion == PruningCriterion.Slimming)
            Fail($"{place}.criterion", "slimming cuts channels after sparsity training; add a 'prune' stage after this one.");
    }

    private void CheckPruning(double amount, PruningCriterion criterion, PruningGranularity granularity, int batches, string place)
    {
        Within(amount is > 0 and < 1, $"{place}.amount", "a share above 0 and below 1", amount);
        AtLeast(1, batches, $"{place}.calibrationBatches");
        var isOfChannels = criterion is PruningCriterion.OutputGradient or PruningCriterion.Slimming;
        if (isOfChannels && granularity == PruningGranularity.Weight)
            Fail($"{place}.granularity", "this criterion ranks channels; write \"granularity\": \"channel\".");
        if (criterion is (PruningCriterion.Movement or PruningCriterion.Snip) && granularity == PruningGranularity.Channel)
            Fail($"{place}.granularity", "this criterion ranks single weights; write \"granularity\": \"weight\".");
    }

    private void AtLeast(long least, long? value, string place) =>
        Within(value is null || value >= least, place, $"a whole number from {least} on", value);

    private void Within(bool isWithin, string place, string expected, double? value)
    {
        if (!isWithin)
            Fail(place, $"expected {expected}, found {value}.");
    }

    private void Fail(string place, string problem) => throw new RecipeException(file, place, problem);
}
