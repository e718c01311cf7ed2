using Coppice.Checkpoints;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Callbacks;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Recipes;

/// <summary>Cuts channels, heads, neurons and layers out of a live model.</summary>
/// <param name="file">The recipe.</param>
/// <param name="model">Its model.</param>
/// <param name="data">Its data.</param>
/// <param name="training">Gives batches.</param>
internal sealed class StageCutting(RecipeFile file, RecipeModel model, RecipeData data, StageTraining training)
{
    private readonly StageChoice _choice = new(file, model, training);
    private readonly LayerCutting _layers = new(model);
    private readonly ResidualCutting _blocks = new(model);

    /// <summary>Chooses, cuts, verifies, and makes up for what went.</summary>
    /// <param name="number">The stage's number.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="module">What is cut.</param>
    /// <param name="before">What the recipe cut before.</param>
    /// <param name="measured">What was chosen by measuring before; null to measure, where the stage asks for a time.</param>
    /// <param name="keep">Told what was chosen by measuring.</param>
    /// <exception cref="PruningException">Nothing can be cut, or not as much as asked for.</exception>
    /// <exception cref="VerificationException">The smaller model computes something else, or is no faster where a time is asked for.</exception>
    public (Module Smaller, StageCut Cut) Cut(
        int number, CutStage stage, Module module, IReadOnlyList<StageCut> before, StageCut? measured, Action<StageCut> keep)
    {
        if (stage.IsOfLayers)
            return module is IBlockModel ? _layers.Cut(stage, module, before, graph => InputsOf(number, stage, graph))
                : _blocks.Cut(stage, module, before, graph => InputsOf(number, stage, graph), file.Recipe.Seed);
        using var cutting = model.Cutting(module, before);
        StageCut cut;
        using (new TensorScope())
        {
            var inputs = cutting.Inputs(InputsOf(number, stage, cutting.Traced.Graph));
            var (removal, report) = measured is null ? Chosen(number, stage, cutting, before, inputs)
                : (Removal.Of(cutting.Dependencies, measured.Plan), measured.Report);
            cut = new(removal.ToPlan(cutting.Traced.Kind), report);
            if (stage.TargetLatency is not null)
                keep(cut);
            var compensation = stage.Compensate is { Count: > 0 } asked
                ? PreparedCompensation.Of(asked, cutting.Dependencies, removal, inputs, cutting.CanAddBiases) : null;
            cut = cut with { Biases = cutting.CarryOut(removal, compensation, file.Recipe.Seed) };
        }
        CheckSize(stage, [.. before, cut]);
        return (cutting.Smaller(), cut);
    }

    /// <summary>About what the stage will cut, by a criterion that looks at weights alone; nothing is verified or made up for.</summary>
    public (Module Smaller, StageCut Cut) Estimate(int number, CutStage stage, Module module, IReadOnlyList<StageCut> before)
    {
        if (stage.IsOfLayers)
            return module is IBlockModel ? _layers.Estimate(stage, module, before) : _blocks.Estimate(stage, module, before);
        StageCut cut;
        using (var cutting = model.Cutting(module, before))
        using (new TensorScope())
        {
            PreparedCompensation.Check(stage.Compensate ?? [], cutting.Traced.Graph);
            var removal = _choice.Choose(number, Likely(stage), cutting, before, [], latency: null);
            // What will be masked is not known yet, nor what will be fast enough.
            if (removal.IsEmpty && stage is { Criterion: not CutCriterion.Slimming, TargetLatency: null })
                throw Nothing(stage, cutting.Traced.Graph);
            cut = new(removal.ToPlan(cutting.Traced.Kind), ReportOf(cutting.Dependencies, removal));
        }
        return (model.Carry(module, before, [cut]), cut);
    }

    /// <summary>A penalty on what a later stage would cut now.</summary>
    /// <param name="settings">How it grows.</param>
    /// <param name="number">The later stage's number.</param>
    /// <param name="stage">The later stage.</param>
    /// <param name="module">What is trained.</param>
    /// <param name="before">What the recipe cut before.</param>
    /// <param name="isTrial">Whether it need not be exactly that, but known soon.</param>
    public GrowingRegularization Growing(
        GrowingSettings settings, int number, CutStage stage, Module module, IReadOnlyList<StageCut> before, bool isTrial)
    {
        var cutting = new LiveCutModel(model.Trace(module));
        return new(cutting.Dependencies, Choose) { Growth = settings.Growth, Every = settings.Every, Most = settings.Most };

        Removal Choose()
        {
            using var scope = new TensorScope();
            var (asked, wasTraining) = (isTrial ? Likely(stage) : stage with { Compensate = null }, module.IsTraining);
            module.Train(false);
            try
            {
                var inputs = InputsOf(number, asked, cutting.Traced.Graph);
                var removal = _choice.Choose(number, asked, cutting, before, inputs, latency: null);
                return removal.IsEmpty ? throw Nothing(stage, cutting.Traced.Graph) : removal;
            }
            finally
            {
                module.Train(wasTraining);
            }
        }
    }

    private (Removal Removal, CutReport Report) Chosen(int number, CutStage stage, CutModel cutting, IReadOnlyList<StageCut> before,
        IReadOnlyList<IReadOnlyList<Tensor>> inputs)
    {
        var (dependencies, most) = (cutting.Dependencies, MillisecondsOf(stage));
        var latency = most is null ? null : new PrunedLatency(dependencies, cutting.Traced.RandomInputs(file.Recipe.Seed));
        var removal = _choice.Choose(number, stage, cutting, before, inputs, latency?.Within(most!.Value));
        if (removal.IsEmpty)
            throw latency is null ? Nothing(stage, cutting.Traced.Graph)
                : new($"there is nothing to cut: one example takes {latency.Of(removal).A.P50:F2} ms as it is, and may take {most} ms. Ask for less.");
        var report = ReportOf(dependencies, removal);
        if (latency is null)
            return (removal, report);
        latency.RefuseSlower(removal);
        var times = latency.Of(removal);
        return (removal, report with { MillisecondsBefore = times.A.P50, MillisecondsAfter = times.B.P50 });
    }

    /// <summary>Biases that were added, and where a format begins tensors, are not known before.</summary>
    private void CheckSize(CutStage stage, IReadOnlyList<StageCut> cuts)
    {
        if (stage.TargetSize is not { } most)
            return;
        using var folder = new TemporaryFolder();
        using var written = _choice.Write(cuts, folder[model.OutputName]);
        if (FileSizeBudget.SizeOf(written) is var size && size > Quantity.Bytes(most))
            throw new PruningException($"the smaller model takes {size:N0} bytes, not at most {most}; ask for less.");
    }

    /// <summary>A stage that looks at weights alone and cuts about the same; instead of what is to be measured, a half.</summary>
    private static CutStage Likely(CutStage stage)
    {
        var likely = stage with { Compensate = null };
        if (stage.TargetLatency is not null)
            likely = likely with { TargetLatency = null, Amount = 0.5 };
        return likely.NeedsData && stage.Criterion != CutCriterion.Slimming ? likely with { Criterion = CutCriterion.L1 } : likely;
    }

    private PruningException Nothing(CutStage stage, Graph graph)
    {
        if (stage.Criterion == CutCriterion.Slimming)
            return new("there is nothing to cut: no channel is masked wherever it is made. Let network slimming mask some, by an amount here or by a 'prune' "
                + "stage before.");
        if (stage.TargetSize is { } size)
            return new($"there is nothing to cut: the model's file takes no more than {size} as it is. Ask for less.");
        var (now, original) = (ModelCost.Of(graph), _choice.Original);
        return new($"there is nothing to cut: the model has {(double)now.Macs / original.Macs:0.###} of the multiply-accumulates and "
            + $"{(double)now.Parameters / original.Parameters:0.###} of the parameters that it had at the start, from which shares count. Ask for more.");
    }

    private static CutReport ReportOf(DependencyGraph dependencies, Removal removal)
    {
        var (before, after) = (ModelCost.Of(dependencies.Graph), GroupPruning.CostAfter(dependencies, removal));
        return new(before.Macs, after.Macs, before.Parameters, after.Parameters);
    }

    private static double? MillisecondsOf(CutStage stage) => stage.TargetLatency is { } text ? Quantity.Milliseconds(text) : null;

    /// <summary>Examples of the training data as the graph takes them, in an order of the stage's own; none where none are looked at.</summary>
    private IReadOnlyList<IReadOnlyList<Tensor>> InputsOf(int number, CutStage stage, Graph graph)
    {
        if (stage.Compensate is null or [] && !GroupCriteria.NeedsInputs(stage.Measure))
            return [];
        var order = new EpochSeed(training.SeedOf(number), 0).Order(data.Train!.Count);
        return model.Inputs(order.Select(example => data.Train.Load([example])), stage.CalibrationExamples, graph);
    }
}
