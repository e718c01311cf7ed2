using Coppice.Data;
using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Pruning.Dependency;

/// <summary>What criteria may look at.</summary>
/// <param name="Graph">The model's computation.</param>
/// <param name="Inputs">Sets of its inputs, for criteria that look at activations.</param>
/// <param name="Task">The model to be run on examples, for criteria that go by gradients.</param>
/// <param name="Examples">Examples with targets in batches of a size, for these.</param>
public sealed record CriterionSources(
    Graph Graph, IReadOnlyList<IReadOnlyList<Tensor>> Inputs, Func<TrainingTask> Task, Func<int, DataLoader> Examples)
{
    /// <summary>Examples that are looked at where nothing else is said.</summary>
    public const int UsualCount = 128;

    /// <summary>Most examples that gradients are taken of.</summary>
    public int Count { get; init; } = UsualCount;

    /// <summary>Start of the draws of what is random.</summary>
    public long Seed { get; init; }
}

/// <summary>Makes the criteria that score groups by what they are called.</summary>
public static class GroupCriteria
{
    // Small beside the memory of any model that can be trained.
    private const int GradientBatch = 16;
    private const int HessianProbes = 4;

    /// <summary>All criteria by name, those of layers too.</summary>
    public static IReadOnlyDictionary<string, CutCriterion> Names { get; } = Words.Of(WordsJson.Default.CutCriterion);

    /// <summary>The criteria of layers, the usual one first.</summary>
    public static IReadOnlyList<CutCriterion> OfLayers { get; } = [CutCriterion.BlockInfluence, CutCriterion.Angular];

    /// <summary>The name of a criterion.</summary>
    public static string NameOf(CutCriterion criterion) => Names.First(entry => entry.Value == criterion).Key;

    /// <summary>Whether a criterion looks at activations, and so needs inputs.</summary>
    public static bool NeedsInputs(CutCriterion criterion) => criterion is CutCriterion.Activation or CutCriterion.Wanda
        || OfLayers.Contains(criterion);

    /// <summary>Whether a criterion goes by gradients, and so needs examples with targets.</summary>
    public static bool NeedsExamples(CutCriterion criterion) => criterion is CutCriterion.Taylor or CutCriterion.SecondOrderTaylor
        or CutCriterion.Fisher or CutCriterion.Hessian;

    /// <summary>Scores of groups by a criterion.</summary>
    /// <param name="criterion">The criterion; with <see cref="CutCriterion.Lamp"/> the normalizer is its own.</param>
    /// <param name="sources">What it may look at.</param>
    /// <param name="reduction">Brings a group's members together.</param>
    /// <param name="normalizer">Makes groups comparable.</param>
    /// <exception cref="PruningException">The criterion scores no groups, or a loss is not finite.</exception>
    public static GroupImportance ImportanceOf(CutCriterion criterion, CriterionSources sources,
        MemberReduction reduction = MemberReduction.Mean, ScoreNormalizer normalizer = ScoreNormalizer.Mean) =>
        new(Of(criterion, sources), reduction, criterion == CutCriterion.Lamp ? ScoreNormalizer.Lamp : normalizer);

    private static GroupCriterion Of(CutCriterion criterion, CriterionSources sources) => criterion switch
    {
        CutCriterion.L1 => new GroupMagnitude(1),
        CutCriterion.L2 or CutCriterion.Lamp => new GroupMagnitude(2),
        CutCriterion.BatchNorm => new GroupBatchNormScale(),
        CutCriterion.GeometricMedian => new GroupGeometricMedian(),
        CutCriterion.Random => new GroupRandom(sources.Seed),
        CutCriterion.Activation => new GroupActivation(ActivationMoments.Gather(sources.Graph, sources.Inputs)),
        CutCriterion.Wanda => new GroupWanda(ActivationMoments.Gather(sources.Graph, sources.Inputs)),
        CutCriterion.Taylor => Taylor(sources),
        CutCriterion.SecondOrderTaylor => new GroupCurvature(Fisher(sources), withGradient: true),
        CutCriterion.Fisher => new GroupCurvature(Fisher(sources)),
        CutCriterion.Hessian => new GroupCurvature(LossDerivatives.Hessian(
            sources.Task(), sources.Examples(GradientBatch), BatchesOf(sources), HessianProbes, sources.Seed)),
        _ => throw new PruningException($"{NameOf(criterion)} does not score channels, heads or neurons."),
    };

    private static GroupTaylor Taylor(CriterionSources sources)
    {
        CalibrationGradients.Accumulate(sources.Task(), sources.Examples(GradientBatch), BatchesOf(sources));
        return new();
    }

    private static LossDerivatives Fisher(CriterionSources sources) =>
        LossDerivatives.Fisher(sources.Task(), sources.Examples(1), sources.Count);

    private static int BatchesOf(CriterionSources sources) => (sources.Count + GradientBatch - 1) / GradientBatch;
}
