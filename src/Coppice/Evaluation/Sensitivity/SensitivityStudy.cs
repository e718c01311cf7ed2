using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Measures a model's quality against the sparsity of one group of weights at a time, by magnitude per weight.</summary>
/// <remarks>
/// What lies before the first pruned block is computed once and shared: the study walks through the blocks, keeps the hidden states of the
/// unpruned model that enter the current one, and runs each pruned variant from there. The figures are those of full runs, bit for bit.
/// Weights are pruned in place and brought back bit for bit, also on cancellation. One study at a time on a model.
/// </remarks>
public sealed class SensitivityStudy
{
    private const int ShrinkSteps = 6;

    private readonly Module _module;
    private readonly IBlockModel _blocks;
    private readonly IReadOnlyList<WeightGroup> _groups;
    private readonly IQualityMeasure _measure;

    /// <summary>A study of some groups.</summary>
    /// <param name="module">A model that is an <see cref="IBlockModel"/>.</param>
    /// <param name="groups">Groups of the module's weights, at least one; no weight in two of them.</param>
    /// <param name="measure">What quality is.</param>
    /// <exception cref="ArgumentException">The model has no blocks to walk through, or the groups are empty or overlap.</exception>
    public SensitivityStudy(Module module, IReadOnlyList<WeightGroup> groups, IQualityMeasure measure)
    {
        _blocks = module as IBlockModel
            ?? throw new ArgumentException(
                $"{module.GetType().Name} does not run block by block; give a GPT-2 or BERT model.", nameof(module));
        if (groups.Count == 0 || groups.Any(group => group.Weights.Count == 0))
            throw new ArgumentException("There is no group, or one without weights; name weights that exist.", nameof(groups));
        CheckDisjoint(groups);
        (_module, _groups, _measure) = (module, groups, measure);
    }

    /// <summary>Measures every group at every ratio, and the unpruned model.</summary>
    /// <param name="ratios">Shares of elements to prune, each above 0 and at most 1.</param>
    /// <param name="progress">Told the share of the work done, 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentException">There is no ratio, or one is out of range.</exception>
    /// <exception cref="PruningException">A weight holds NaN.</exception>
    public SensitivityResult Measure(
        IReadOnlyList<double> ratios, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        if (ratios.Count == 0 || ratios.Any(ratio => ratio is not (> 0 and <= 1)))
            throw new ArgumentException($"Ratios must lie above 0 and at most at 1; given: {string.Join(", ", ratios)}.", nameof(ratios));
        var rising = ratios.Distinct().Order().ToList();
        var (done, total) = (0L, 1L);
        var runner = new BlockRunner(_blocks, _measure, () => progress?.Report((double)++done / total));
        var byStage = _groups.ToLookup(group => runner.FirstStage(group.Weights.Values));
        total = byStage.Sum(stage => runner.Cost(stage.Key) * stage.Count() * rising.Count) + runner.Cost(0);
        var qualities = new Dictionary<WeightGroup, List<double>>(ReferenceEqualityComparer.Instance);
        while (runner.Stage < runner.StageCount)
        {
            foreach (var group in byStage[runner.Stage])
                qualities.Add(group, [.. rising.Select(ratio => MeasurePruned(runner, [(group, ratio)], cancellation))]);
            runner.Advance(cancellation);
        }
        var baseline = runner.Measure(cancellation);
        var curves = _groups.Select(group => ToCurve(group, rising, qualities[group], baseline));
        return new(_measure.Metric, _measure.LossMeaning, baseline, [.. curves]);
    }

    /// <summary>
    /// Ratios for a budget: allocated on the curves as if losses added up, then measured together, and shrunk by a common factor
    /// (bisection) where the measured loss exceeds the budget.
    /// </summary>
    /// <param name="result">What <see cref="Measure"/> gave.</param>
    /// <param name="budget">Loss allowed, as the measure counts it: 0.02 is 2 % more perplexity, or an accuracy lower by 0.02.</param>
    /// <param name="progress">Told the share of the work done, 0 to 1.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ArgumentOutOfRangeException">The budget is negative or not finite.</exception>
    public RatioSuggestion Suggest(
        SensitivityResult result, double budget, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var planned = RatioAllocation.Allocate(result.Curves, budget);
        var (done, total) = (0L, 1L);
        var runner = new BlockRunner(_blocks, _measure, () => progress?.Report((double)++done / total));
        total = runner.Cost(0) * (ShrinkSteps + 1);
        if (Try(1) is { } whole)
            return whole;
        // The loss at factor 0 is 0, so the lower end always holds.
        var (low, high) = (0.0, 1.0);
        RatioSuggestion? best = null;
        for (var step = 0; step < ShrinkSteps; step++)
        {
            var middle = (low + high) / 2;
            var tried = Try(middle);
            (low, high, best) = tried is null ? (low, middle, best) : (middle, high, tried);
        }
        return best ?? Try(0)!;

        RatioSuggestion? Try(double shrink)
        {
            var ratios = planned.Select(ratio => ShareOf.AtMost(ratio * shrink, 1000) / 1000.0).ToList();
            var suggestion = MeasureTogether(runner, result, ratios, cancellation) with { Budget = budget, Shrink = shrink };
            return suggestion.Loss <= budget ? suggestion : null;
        }
    }

    private RatioSuggestion MeasureTogether(
        BlockRunner runner, SensitivityResult result, List<double> ratios, CancellationToken cancellation)
    {
        using var pruned = Prune(_groups.Zip(ratios));
        var quality = runner.Measure(cancellation);
        return new(0, _groups.Zip(ratios).ToDictionary(pair => pair.First.Name, pair => pair.Second),
            result.Curves.Zip(ratios, (curve, ratio) => curve.PlannedLoss(ratio)).Sum(), quality, _measure.Loss(result.Baseline, quality), 1,
            Sparsity(_groups.SelectMany(group => group.Weights.Values)),
            Sparsity(_module.NamedParameters().Select(entry => entry.Parameter)));
    }

    private static double MeasurePruned(
        BlockRunner runner, IEnumerable<(WeightGroup, double)> ratios, CancellationToken cancellation)
    {
        using var pruned = Prune(ratios);
        return runner.Measure(cancellation);
    }

    private static PrunedInPlace Prune(IEnumerable<(WeightGroup Group, double Ratio)> ratios) =>
        new(ratios.SelectMany(entry => entry.Group.Weights.Select(weight => (weight.Key, weight.Value, entry.Ratio))));

    private SensitivityCurve ToCurve(WeightGroup group, List<double> ratios, List<double> qualities, double baseline) => new(
        group.Name, [.. group.Weights.Keys], group.Elements,
        [.. ratios.Zip(qualities, (ratio, quality) => new SensitivityPoint(ratio, quality, _measure.Loss(baseline, quality)))]);

    private static double Sparsity(IEnumerable<Parameter> parameters)
    {
        var (zeros, elements) = (0L, 0L);
        foreach (var parameter in parameters)
        {
            zeros += parameter.Data.AsReadOnlySpan<float>().Count(0f);
            elements += parameter.Data.Count;
        }
        return elements == 0 ? 0 : (double)zeros / elements;
    }

    private static void CheckDisjoint(IReadOnlyList<WeightGroup> groups)
    {
        var owner = new Dictionary<Parameter, string>();
        foreach (var group in groups)
            foreach (var (name, weight) in group.Weights)
                if (!owner.TryAdd(weight, group.Name))
                    throw new ArgumentException(
                        $"The groups '{owner[weight]}' and '{group.Name}' both hold '{name}'; make them disjoint.", nameof(groups));
    }
}
