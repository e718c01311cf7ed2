using Coppice.Evaluation;
using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;

namespace Coppice.Recipes;

/// <summary>Checks what a stage that cuts says, before anything is opened.</summary>
/// <param name="within">Fails unless a number is within its range: where it stands, what is expected, the number.</param>
/// <param name="fail">Fails: where, and why.</param>
internal sealed class CutRanges(Action<bool, string, string, double?> within, Action<string, string> fail)
{
    private static readonly (string Key, Func<CutStage, bool> IsGiven)[] Keys =
    [
        ("amount", cut => cut.Amount is not null),
        ("targetMacs", cut => cut.TargetMacs is not null),
        ("targetParams", cut => cut.TargetParams is not null),
        ("targetSize", cut => cut.TargetSize is not null),
        ("targetLatency", cut => cut.TargetLatency is not null),
        ("scope", cut => cut.Scope != GroupScope.PerGroup),
        ("granularity", cut => cut.Granularity is not (CutGranularity.All or CutGranularity.Layer)),
        ("reduction", cut => cut.Reduction != MemberReduction.Mean),
        ("normalizer", cut => cut.Normalizer != ScoreNormalizer.Mean),
        ("maxRatio", cut => cut.MaxRatio != 1),
        ("roundTo", cut => cut.RoundTo != 1),
        ("include", cut => cut.Include is not null),
        ("exclude", cut => cut.Exclude is not null),
        ("ratios", cut => cut.Ratios is not null),
        ("rankTogether", cut => cut.RankTogether is not null),
        ("compensate", cut => cut.Compensate is not null),
    ];

    private static readonly string[] Targets = ["amount", "targetMacs", "targetParams", "targetSize", "targetLatency"];

    /// <exception cref="RecipeException">A number is out of its range, or keys contradict each other.</exception>
    public void Check(CutStage cut, string place)
    {
        var isOfLayers = GroupCriteria.OfLayers.Contains(cut.Measure);
        if (isOfLayers != cut.IsOfLayers)
            fail($"{place}.criterion", isOfLayers ? "this criterion scores layers; write \"granularity\": \"layer\"."
                : "layers go by block-influence or angular; give one of them, or leave it out.");
        if (isOfLayers)
            CheckAlone(cut, place, "layers go whole", ["amount"]);
        else if (cut.Measure == CutCriterion.Slimming)
            CheckAlone(cut, place, "slimming cuts what it masks by one threshold", ["amount", "compensate"]);
        if (cut.Measure != CutCriterion.Slimming && Targets.Intersect(Given(cut)).Count() != 1)
            fail(isOfLayers ? $"{place}.amount" : place, isOfLayers ? "say which share of the layers goes." : $"give one of {string.Join(", ", Targets.Select(key => $"'{key}'"))}.");
        CheckNumbers(cut, place);
        if (cut.Ratios is not null && (cut.Scope != GroupScope.PerGroup || cut.RankTogether is not null))
            fail($"{place}.ratios", "what is ranked together has no ratios of its own; leave it out, or scope and rankTogether.");
        if (cut.RankTogether is not null && cut.Scope != GroupScope.PerGroup)
            fail($"{place}.rankTogether", "it goes with the scope per-tensor; leave one of them out.");
        try
        {
            PreparedCompensation.Check(cut.Compensate ?? []);
        }
        catch (PruningException error)
        {
            fail($"{place}.compensate", error.Message);
        }
    }

    private static IEnumerable<string> Given(CutStage cut) => Keys.Where(key => key.IsGiven(cut)).Select(key => key.Key);

    private void CheckAlone(CutStage cut, string place, string why, string[] fitting)
    {
        if (Given(cut).Except(fitting).FirstOrDefault() is { } odd)
            fail($"{place}.{odd}", $"{why}, and take {string.Join(" and ", fitting)}, criterion and calibrationExamples alone; leave it out.");
    }

    private void CheckNumbers(CutStage cut, string place)
    {
        const string share = "a share above 0 and below 1";
        within(cut.Amount is null or (> 0 and < 1), $"{place}.amount", share, cut.Amount);
        within(cut.TargetMacs is null or (> 0 and < 1), $"{place}.targetMacs", share, cut.TargetMacs);
        within(cut.TargetParams is null or (> 0 and < 1), $"{place}.targetParams", share, cut.TargetParams);
        if (cut.TargetSize is { } size && Quantity.Bytes(size) is null)
            fail($"{place}.targetSize", $"expected {Quantity.SizeForm}, found '{size}'.");
        if (cut.TargetLatency is { } time && Quantity.Milliseconds(time) is null)
            fail($"{place}.targetLatency", $"expected {Quantity.TimeForm}, found '{time}'.");
        foreach (var (i, own) in (cut.Ratios ?? []).Index())
            within(own.Ratio is >= 0 and <= 1, $"{place}.ratios[{i}].ratio", "a share from 0 to 1", own.Ratio);
        within(cut.MaxRatio is > 0 and <= 1, $"{place}.maxRatio", "a share above 0 and at most 1", cut.MaxRatio);
        within(cut.RoundTo >= 1, $"{place}.roundTo", "a whole number from 1 on", cut.RoundTo);
        within(cut.CalibrationExamples >= 1, $"{place}.calibrationExamples", "a whole number from 1 on", cut.CalibrationExamples);
    }
}
