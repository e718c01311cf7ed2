using Coppice.Checkpoints;
using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>Chooses which channels, heads and neurons a stage cuts out of a model.</summary>
/// <param name="file">The recipe.</param>
/// <param name="model">Its model.</param>
/// <param name="training">Gives batches.</param>
internal sealed class StageChoice(RecipeFile file, RecipeModel model, StageTraining training)
{
    // Small beside the memory of any model that can be trained.
    private const int LinkBatch = 16;

    private readonly Lazy<ModelCost> _original = new(() =>
    {
        using var whole = model.Cutting(model.Open(), []);
        return ModelCost.Of(whole.Dependencies.Graph);
    });

    /// <summary>What the model cost at the start, from which shares count.</summary>
    public ModelCost Original => _original.Value;

    /// <summary>Chooses.</summary>
    /// <param name="number">The stage's number.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="cutting">What is cut.</param>
    /// <param name="before">What the recipe cut before.</param>
    /// <param name="inputs">Inputs of the computation to look at.</param>
    /// <param name="latency">What stands for the time that the stage asks for; null where it asks for none.</param>
    public Removal Choose(int number, CutStage stage, CutModel cutting, IReadOnlyList<StageCut> before,
        IReadOnlyList<IReadOnlyList<Tensor>> inputs, GroupBudget? latency)
    {
        if (stage.Measure == CutCriterion.Slimming)
            return Slimmed(number, stage, cutting, model.Joined(before));
        var options = OptionsOf(stage, cutting.Dependencies, before, latency);
        var sources = new CriterionSources(cutting.Traced.Graph, inputs, () => cutting.Task, batch => training.Loader(number, batch))
        {
            Count = stage.CalibrationExamples,
            Seed = file.Recipe.Seed,
        };
        var importance = GroupCriteria.ImportanceOf(stage.Measure, sources, stage.Reduction, stage.Normalizer);
        var removal = options.Choose(cutting.Dependencies, importance);
        foreach (var (_, parameter) in cutting.Traced.Module.NamedParameters())
            parameter.ZeroGradient();
        return removal;
    }

    /// <summary>Writes the model as it is after some cuts, and opens what is there.</summary>
    /// <param name="cuts">What was cut.</param>
    /// <param name="path">Where to write it.</param>
    public IWeightStore Write(IReadOnlyList<StageCut> cuts, string path)
    {
        var module = model.Open(cuts);
        foreach (var (_, parameter) in module.NamedParameters())
            parameter.MakeMaskPermanent();
        model.Save(module, cuts, path);
        return model.Written(path);
    }

    private GroupPruning OptionsOf(CutStage stage, DependencyGraph dependencies, IReadOnlyList<StageCut> before, GroupBudget? latency) => new GroupPruning
    {
        Ratio = stage.Amount,
        Budget = latency ?? BudgetOf(stage, dependencies, before),
        Scope = stage.Scope,
        OwnRatios = stage.Ratios ?? [],
        RankedTogether = stage.RankTogether ?? [],
        MaxRatio = stage.MaxRatio,
        RoundTo = stage.RoundTo,
        Kinds = stage.Kinds,
        Include = stage.Include ?? [],
        Exclude = stage.Exclude ?? [],
        Before = model.Joined(before),
    }.Within(model.CutScope);

    private GroupBudget? BudgetOf(CutStage stage, DependencyGraph dependencies, IReadOnlyList<StageCut> before) => stage switch
    {
        { TargetMacs: { } macs } => new(macs * Original.Macs, "multiply-accumulates", removal => GroupPruning.CostAfter(dependencies, removal).Macs),
        { TargetParams: { } parameters } =>
            new(parameters * Original.Parameters, "parameters", removal => GroupPruning.CostAfter(dependencies, removal).Parameters),
        { TargetSize: { } size } => FileSizeBudget.Of(Quantity.Bytes(size)!.Value, dependencies, model.OutputName, path => Write(before, path)),
        _ => null,
    };

    /// <summary>What is masked of the channels of each batch normalisation, more of them now where an amount is given.</summary>
    private Removal Slimmed(int number, CutStage stage, CutModel cutting, StructuralPlan? before)
    {
        var links = NetworkSlimming.Links(cutting.Task, training.Loader(number, LinkBatch));
        if (stage.Amount is { } amount)
        {
            var original = links.Sum(link => before?.OriginalSize($"{link.NormName}.weight", 0) ?? link.Norm.Parameter("weight").Shape[0]);
            var gone = original - links.Sum(link => link.Norm.Parameter("weight").Shape[0]);
            NetworkSlimming.Prune(PruneAmount.Count(Math.Max(0, PruneAmount.Fraction(amount).Of(original, "channels") - gone)), links);
        }
        return ChannelPlan.Of(links).ToRemoval(cutting.Dependencies, cutting.Traced.RandomInputs(file.Recipe.Seed));
    }
}
