using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;

namespace Coppice.Recipes;

/// <summary>Cuts channels, heads, neurons or whole layers out of the model for good, together with all that depends on them, and verifies the result.</summary>
/// <remarks>Shares count from the model as it was at the start of the recipe, whatever earlier stages cut. Masks are cut along with what they
/// mask.</remarks>
/// <param name="Amount">Share of the indices that are gone afterwards; this, or one of the targets.</param>
/// <param name="TargetMacs">Share of the multiply-accumulates that is left at the most.</param>
/// <param name="TargetParams">Share of the parameters that is left at the most.</param>
/// <param name="TargetSize">Size of the weight files to be written, at the most, such as <c>2MB</c> or <c>800kB</c>.</param>
/// <param name="TargetLatency">Time for one example, at the most, such as <c>8ms</c>, measured where the stage runs.</param>
/// <param name="Criterion">What decides which go; <c>l1</c>, of layers <c>block-influence</c>, where left out.</param>
/// <param name="Scope">What an index competes with.</param>
/// <param name="Granularity">What is cut.</param>
/// <param name="Reduction">How the scores of all weights that depend on each other become one.</param>
/// <param name="Normalizer">What scores are divided by, so that groups can be ranked together.</param>
/// <param name="MaxRatio">Most of a group that may be gone.</param>
/// <param name="RoundTo">What sizes become multiples of, where anything is cut.</param>
/// <param name="Include">Globs of the weights whose groups are cut, instead of all that can be told by the model's format.</param>
/// <param name="Exclude">Globs of weights whose groups stay whole.</param>
/// <param name="Ratios">Amounts of their own for the groups with a weight that a glob matches; the last match counts.</param>
/// <param name="RankTogether">Globs: the groups that one matches are ranked together, the others each by itself.</param>
/// <param name="Compensate">What makes up for what went, without training.</param>
/// <param name="CalibrationExamples">Examples of the training data that criteria and compensation look at.</param>
public sealed record CutStage(
    double? Amount = null,
    double? TargetMacs = null,
    double? TargetParams = null,
    string? TargetSize = null,
    string? TargetLatency = null,
    CutCriterion? Criterion = null,
    GroupScope Scope = GroupScope.PerGroup,
    CutGranularity Granularity = CutGranularity.All,
    MemberReduction Reduction = MemberReduction.Mean,
    ScoreNormalizer Normalizer = ScoreNormalizer.Mean,
    double MaxRatio = 1,
    int RoundTo = 1,
    IReadOnlyList<string>? Include = null,
    IReadOnlyList<string>? Exclude = null,
    IReadOnlyList<GroupRatio>? Ratios = null,
    IReadOnlyList<string>? RankTogether = null,
    IReadOnlyList<CutCompensation>? Compensate = null,
    int CalibrationExamples = CriterionSources.UsualCount) : RecipeStage
{
    internal override string Type => "cut";

    /// <summary>The criterion that is given or usual.</summary>
    internal CutCriterion Measure => Criterion ?? (IsOfLayers ? CutCriterion.BlockInfluence : CutCriterion.L1);

    /// <summary>Whether whole layers are cut.</summary>
    internal bool IsOfLayers => Granularity == CutGranularity.Layer;

    /// <summary>Whether the stage looks at training data.</summary>
    internal bool NeedsData => Compensate is { Count: > 0 } || Measure == CutCriterion.Slimming
        || GroupCriteria.NeedsInputs(Measure) || GroupCriteria.NeedsExamples(Measure);

    /// <summary>The kinds of groups that are cut.</summary>
    internal IReadOnlyList<GroupKind> Kinds => GroupPruning.KindsOf(Granularity);
}
