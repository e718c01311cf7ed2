namespace Coppice.Pruning.Dependency;

/// <summary>What a pruned model may cost at the most, in any unit that can be told of a removal.</summary>
/// <param name="Limit">The most.</param>
/// <param name="Unit">What is counted, as messages name it: <c>bytes</c>, <c>ms</c>.</param>
/// <param name="Cost">Cost of the model without what a removal takes; should not grow with what is removed.</param>
public sealed record GroupBudget(double Limit, string Unit, Func<Removal, double> Cost)
{
    /// <summary>How often the ratio's range is halved in the search; fewer where a cost is measured at length.</summary>
    public int Halvings { get; init; } = 24;
}
