namespace Coppice.Evaluation.Sensitivity;

/// <summary>Divides a quality budget among groups.</summary>
public static class RatioAllocation
{
    /// <summary>
    /// One ratio per group, such that the groups' planned losses add up to no more than the budget. Greedy: the next stretch of a curve
    /// that is taken is the one with the least loss per element pruned. A dear stretch before a cheap one counts as one with it (the
    /// corners of the curve's convex hull), so that noise at a small ratio does not keep a robust group whole.
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
            var (to, _, loss) = stretches[group].Dequeue();
            if (loss > budget)
            {
                ratios[group] = curves[group].RatioWithin(curves[group].PlannedLoss(ratios[group]) + budget);
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

    /// <summary>The stretches between the corners of the lower convex hull, so by rising loss per element.</summary>
    private static Queue<Stretch> StretchesOf(SensitivityCurve curve)
    {
        var hull = new Stack<Stretch>();
        var from = (Ratio: 0.0, Loss: 0.0);
        foreach (var to in curve.Envelope().Skip(1))
        {
            var stretch = new Stretch(to.Ratio, (to.Ratio - from.Ratio) * curve.Elements, to.Loss - from.Loss);
            while (hull.TryPeek(out var before) && before.LossPerElement >= stretch.LossPerElement)
            {
                hull.Pop();
                stretch = stretch with { Elements = before.Elements + stretch.Elements, Loss = before.Loss + stretch.Loss };
            }
            hull.Push(stretch);
            from = to;
        }
        return new(hull.Reverse());
    }

    private readonly record struct Stretch(double To, double Elements, double Loss)
    {
        public double LossPerElement => Loss / Elements;
    }
}
