namespace Coppice.Evaluation.Sensitivity;

/// <summary>Divides a quality budget among groups.</summary>
public static class RatioAllocation
{
    /// <summary>
    /// One ratio per group, such that the groups' planned losses add up to no more than the budget. Greedy: the next stretch of a curve that is
    /// taken is the one with the least loss per element pruned, which prunes the most elements where the curves are convex.
    /// </summary>
    /// <remarks>
    /// Losses are treated as additive, which they are only nearly: measure the combination. A larger budget lowers no group's ratio.
    /// No group exceeds the largest ratio it was measured at.
    /// </remarks>
    /// <param name="curves">The measured curves.</param>
    /// <param name="budget">Loss allowed in all, finite and not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException">The budget is negative or not finite.</exception>
    public static IReadOnlyList<double> Allocate(IReadOnlyList<SensitivityCurve> curves, double budget)
    {
        if (!double.IsFinite(budget) || budget < 0)
            throw new ArgumentOutOfRangeException(nameof(budget), budget, "A budget is a finite loss of 0 or more, such as 0.02.");
        var ratios = new double[curves.Count];
        var stretches = curves.Select(StretchesOf).ToList();
        var next = new PriorityQueue<int, (double LossPerElement, int Group)>();
        for (var group = 0; group < curves.Count; group++)
            Offer(group);
        while (next.TryDequeue(out var group, out _))
        {
            var (to, loss, _) = stretches[group].Dequeue();
            if (loss > budget)
            {
                ratios[group] += (to - ratios[group]) * (budget / loss);
                break;
            }
            (ratios[group], budget) = (to, budget - loss);
            Offer(group);
        }
        return ratios;

        void Offer(int group)
        {
            if (stretches[group].TryPeek(out var stretch))
                next.Enqueue(group, (stretch.LossPerElement, group));
        }
    }

    private static Queue<(double To, double Loss, double LossPerElement)> StretchesOf(SensitivityCurve curve) => new(
        curve.Envelope().Zip(curve.Envelope().Skip(1), (from, to) =>
            (to.Ratio, to.Loss - from.Loss, (to.Loss - from.Loss) / ((to.Ratio - from.Ratio) * curve.Elements))));
}
