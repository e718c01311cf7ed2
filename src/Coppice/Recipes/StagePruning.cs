using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Selection;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>From the words of a recipe to criteria, scopes and masks.</summary>
internal static class StagePruning
{
    public static Criterion CriterionOf(PruningCriterion criterion, PruningGranularity granularity, int seed)
    {
        var unit = granularity == PruningGranularity.Channel ? PruningUnit.Channel : PruningUnit.Entry;
        return criterion switch
        {
            PruningCriterion.Magnitude => unit == PruningUnit.Channel ? new ChannelNorm(1) : new Magnitude(),
            PruningCriterion.Random => new RandomScore(seed, unit),
            PruningCriterion.Taylor => new FirstOrderTaylor(unit),
            PruningCriterion.Snip => new Snip(),
            PruningCriterion.Fisher => new OptimalBrainDamage(unit),
            PruningCriterion.OutputGradient => new OutputGradient(),
            PruningCriterion.Movement => new Movement(),
            _ => throw new ArgumentOutOfRangeException(nameof(criterion), criterion, "Slimming goes by scales, not by weights."),
        };
    }

    /// <summary>Prunes a model at once.</summary>
    public static void Prune(PruneStage stage, TrainingTask task, ModelFacts facts, DataLoader? calibration, int seed)
    {
        if (stage.Criterion == PruningCriterion.Slimming)
        {
            NetworkSlimming.Prune(PruneAmount.Fraction(stage.Amount), NetworkSlimming.Links(task, calibration!));
            return;
        }
        var criterion = CriterionOf(stage.Criterion, stage.Granularity, seed);
        var weights = LiveWeight.Select(task.Module, facts, stage.Include, stage.Exclude);
        var statistics = criterion.Needs == CriterionNeeds.None
            ? [.. weights.Select(weight => new WeightStatistics(weight))]
            : new Calibration(task, calibration!, stage.CalibrationBatches).Gather(weights, criterion.Needs);
        var scores = criterion.ScoreAll(statistics);
        if (criterion.Unit == PruningUnit.Entry)
            EntryPruning.To(stage.Amount, weights, scores, stage.Scope);
        else
            ChannelPruning.To(stage.Amount, weights, scores, Links(task, calibration), stage.Scope);
    }

    /// <summary>Whether a stage needs batches of training data to look at.</summary>
    public static bool NeedsData(PruneStage stage, Module module) => stage.Criterion == PruningCriterion.Slimming
        || CriterionOf(stage.Criterion, stage.Granularity, 0).Needs != CriterionNeeds.None
        || stage.Granularity == PruningGranularity.Channel && HasNorms(module);

    private static IReadOnlyList<NormLink> Links(TrainingTask task, DataLoader? data) =>
        HasNorms(task.Module) ? NormLink.Trace(task, data!) : [];

    private static bool HasNorms(Module module) => module.NamedModules().Any(entry => entry.Module is BatchNorm);
}
