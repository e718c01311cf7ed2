namespace Coppice.Evaluation.Sensitivity;

/// <summary>Quality of the whole model when one group alone is pruned to a ratio.</summary>
/// <param name="Ratio">Share of each weight's elements set to zero, above 0 and at most 1.</param>
/// <param name="Quality">The measured figure.</param>
/// <param name="Loss">How much worse that is than unpruned, as the measure counts it; negative where it is better.</param>
public sealed record SensitivityPoint(double Ratio, double Quality, double Loss);

/// <summary>How one group takes pruning.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Weights">Names of its weights.</param>
/// <param name="Elements">Elements of its weights.</param>
/// <param name="Points">By rising ratio; at least one.</param>
public sealed record SensitivityCurve(string Group, IReadOnlyList<string> Weights, long Elements, IReadOnlyList<SensitivityPoint> Points)
{
    /// <summary>Loss at the largest ratio measured: what groups are compared by.</summary>
    public double LargestLoss => Points[^1].Loss;

    /// <summary>The curve that budgets are planned on: from (0, 0) through the running maximum of the losses, so that a lucky measurement
    /// counts as no loss.</summary>
    internal IEnumerable<(double Ratio, double Loss)> Envelope()
    {
        var loss = 0.0;
        yield return (0, 0);
        foreach (var point in Points)
            yield return (point.Ratio, loss = Math.Max(loss, point.Loss));
    }

    /// <summary>The planned loss at any ratio up to the largest measured: the envelope, linear between its points.</summary>
    public double PlannedLoss(double ratio)
    {
        var (from, before) = (0.0, 0.0);
        foreach (var (to, after) in Envelope().Skip(1))
        {
            if (ratio <= to)
                return before + (after - before) * (ratio - from) / (to - from);
            (from, before) = (to, after);
        }
        throw new ArgumentOutOfRangeException(nameof(ratio), ratio, $"'{Group}' was measured up to the ratio {from} only.");
    }

    /// <summary>The largest ratio whose planned loss is at most <paramref name="loss"/>, which is not negative.</summary>
    internal double RatioWithin(double loss)
    {
        var (from, before) = (0.0, 0.0);
        foreach (var (to, after) in Envelope().Skip(1))
        {
            if (after > loss)
                return from + (to - from) * (loss - before) / (after - before);
            (from, before) = (to, after);
        }
        return from;
    }
}
