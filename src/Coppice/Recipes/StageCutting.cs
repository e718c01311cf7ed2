using Coppice.Data;
using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>Cuts channels, heads and neurons out of a live model.</summary>
/// <param name="file">The recipe.</param>
/// <param name="model">Its model.</param>
/// <param name="data">Its data.</param>
/// <param name="training">Gives batches.</param>
internal sealed class StageCutting(RecipeFile file, RecipeModel model, RecipeData data, StageTraining training)
{
    // Small beside the memory of any model that can be trained.
    private const int GradientBatch = 16;

    private readonly Lazy<ModelCost> _original = new(() => ModelCost.Of(model.Trace(model.Open()).Graph));

    /// <summary>Chooses, cuts, verifies, and makes up for what went.</summary>
    /// <param name="number">The stage's number.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="module">What is cut.</param>
    /// <param name="before">What the recipe cut before; null for nothing.</param>
    /// <exception cref="PruningException">Nothing can be cut, or not as much as asked for.</exception>
    /// <exception cref="VerificationException">The smaller model computes something else; the module is as it was.</exception>
    public StageCut Cut(int number, CutStage stage, Module module, StructuralPlan? before)
    {
        using var scope = new TensorScope();
        var traced = model.Trace(module);
        var dependencies = DependencyGraph.Of(traced.Graph);
        var inputs = InputsOf(number, stage, traced.Graph);
        var removal = Chosen(number, stage, traced, dependencies, before, inputs);
        if (removal.IsEmpty)
            throw Nothing(stage, traced.Graph);
        var compensation = PreparedCompensation.Of(stage.Compensate ?? [], dependencies, removal, inputs);
        var done = new StageCut(removal.ToPlan(traced.Kind), ReportOf(dependencies, removal));
        var (graph, _) = PruningSurgeon.Apply(dependencies, removal, traced.RandomInputs(file.Recipe.Seed), traced.Forward);
        compensation.CarryOut(graph);
        return done;
    }

    /// <summary>About what the stage will cut, by a criterion that looks at weights alone; nothing is verified or made up for.</summary>
    public StageCut Estimate(int number, CutStage stage, Module module, StructuralPlan? before)
    {
        using var scope = new TensorScope();
        var traced = model.Trace(module);
        var dependencies = DependencyGraph.Of(traced.Graph);
        PreparedCompensation.Check(stage.Compensate ?? [], traced.Graph);
        var removal = Chosen(number, Likely(stage), traced, dependencies, before, []);
        if (removal.IsEmpty && stage.Criterion != CutCriterion.Slimming) // what will be masked then is not known
            throw Nothing(stage, traced.Graph);
        var done = new StageCut(removal.ToPlan(traced.Kind), ReportOf(dependencies, removal));
        done.Plan.Apply(module);
        return done;
    }

    /// <summary>A penalty on what a later stage would cut now.</summary>
    /// <param name="settings">How it grows.</param>
    /// <param name="number">The later stage's number.</param>
    /// <param name="stage">The later stage.</param>
    /// <param name="module">What is trained.</param>
    /// <param name="before">What the recipe cut before; null for nothing.</param>
    /// <param name="isTrial">Whether it need not be exactly that, but known soon.</param>
    public GrowingRegularization Growing(
        GrowingSettings settings, int number, CutStage stage, Module module, StructuralPlan? before, bool isTrial)
    {
        var traced = model.Trace(module);
        var dependencies = DependencyGraph.Of(traced.Graph);
        return new(dependencies, Choose) { Growth = settings.Growth, Every = settings.Every, Most = settings.Most };

        Removal Choose()
        {
            using var scope = new TensorScope();
            var (asked, wasTraining) = (isTrial ? Likely(stage) : stage with { Compensate = null }, module.IsTraining);
            module.Train(false);
            try
            {
                var removal = Chosen(number, asked, traced, dependencies, before, InputsOf(number, asked, traced.Graph));
                return removal.IsEmpty ? throw Nothing(stage, traced.Graph) : removal;
            }
            finally
            {
                module.Train(wasTraining);
            }
        }
    }

    /// <summary>A stage that looks at weights alone and cuts about the same.</summary>
    private static CutStage Likely(CutStage stage)
    {
        var likely = stage with { Compensate = null };
        return likely.NeedsData && stage.Criterion != CutCriterion.Slimming ? likely with { Criterion = CutCriterion.L1 } : likely;
    }

    private PruningException Nothing(CutStage stage, Graph graph)
    {
        if (stage.Criterion == CutCriterion.Slimming)
            return new("there is nothing to cut: no channel is masked wherever it is made. Let network slimming mask some, by an amount here or by a 'prune' "
                + "stage before.");
        var (now, original) = (ModelCost.Of(graph), _original.Value);
        return new($"there is nothing to cut: the model has {(double)now.Macs / original.Macs:0.###} of the multiply-accumulates and "
            + $"{(double)now.Parameters / original.Parameters:0.###} of the parameters that it had at the start, from which shares count. Ask for more.");
    }

    private static CutReport ReportOf(DependencyGraph dependencies, Removal removal)
    {
        var (before, after) = (ModelCost.Of(dependencies.Graph), GroupPruning.CostAfter(dependencies, removal));
        return new(before.Macs, after.Macs, before.Parameters, after.Parameters);
    }

    /// <summary>Examples of the training data as the graph takes them, in an order of the stage's own; none where none are looked at.</summary>
    private IReadOnlyList<IReadOnlyList<Tensor>> InputsOf(int number, CutStage stage, Graph graph)
    {
        if (stage.Compensate is null or [] && !GroupCriteria.NeedsInputs(stage.Criterion))
            return [];
        var order = new EpochSeed(training.SeedOf(number), 0).Order(data.Train!.Count);
        return model.Inputs(order.Select(example => data.Train.Load([example])), stage.CalibrationExamples, graph);
    }

    private Removal Chosen(int number, CutStage stage, TracedModel traced, DependencyGraph dependencies, StructuralPlan? before,
        IReadOnlyList<IReadOnlyList<Tensor>> inputs)
    {
        if (stage.Criterion == CutCriterion.Slimming)
            return Slimmed(number, stage, traced, dependencies, before);
        var options = OptionsOf(stage, dependencies, before);
        var importance = GroupCriteria.ImportanceOf(stage.Criterion, SourcesOf(number, stage, traced, inputs), stage.Reduction, stage.Normalizer);
        var removal = options.Choose(dependencies, importance);
        foreach (var (_, parameter) in traced.Module.NamedParameters())
            parameter.ZeroGradient();
        return model.CutScope.Count > 0 && stage is { Include: null, Exclude: null }
            ? UniformWidths.Level(dependencies, removal, options, importance)
            : removal;
    }

    private GroupPruning OptionsOf(CutStage stage, DependencyGraph dependencies, StructuralPlan? before) => new()
    {
        Ratio = stage.Amount,
        Budget = stage.TargetMacs is { } macs
            ? new(macs * _original.Value.Macs, "multiply-accumulates", removal => GroupPruning.CostAfter(dependencies, removal).Macs)
            : stage.TargetParams is { } parameters
            ? new(parameters * _original.Value.Parameters, "parameters", removal => GroupPruning.CostAfter(dependencies, removal).Parameters)
            : null,
        Scope = stage.Scope,
        MaxRatio = stage.MaxRatio,
        RoundTo = stage.RoundTo,
        Kinds = stage.Kinds,
        Include = stage.Include ?? model.CutScope,
        Exclude = stage.Exclude ?? [],
        Before = before,
    };

    private CriterionSources SourcesOf(int number, CutStage stage, TracedModel traced, IReadOnlyList<IReadOnlyList<Tensor>> inputs) =>
        new(traced.Graph, inputs, () => TrainingTask.Of(traced.Module), batch => training.Loader(number, batch))
        {
            Count = stage.CalibrationExamples,
            Seed = file.Recipe.Seed,
        };

    /// <summary>What is masked of the channels of each batch normalisation, more of them now where an amount is given.</summary>
    private Removal Slimmed(int number, CutStage stage, TracedModel traced, DependencyGraph dependencies, StructuralPlan? before)
    {
        var links = NetworkSlimming.Links(TrainingTask.Of(traced.Module), training.Loader(number, GradientBatch));
        if (stage.Amount is { } amount)
        {
            var original = links.Sum(link => before?.OriginalSize($"{link.NormName}.weight", 0) ?? link.Norm.Parameter("weight").Shape[0]);
            var gone = original - links.Sum(link => link.Norm.Parameter("weight").Shape[0]);
            NetworkSlimming.Prune(PruneAmount.Count(Math.Max(0, PruneAmount.Fraction(amount).Of(original, "channels") - gone)), links);
        }
        return ChannelPlan.Of(links).ToRemoval(dependencies, traced.RandomInputs(file.Recipe.Seed));
    }
}
