using Coppice.Pruning.Methods;

namespace Coppice.Pruning.Streaming;

/// <summary>What to prune and how, apart from the tensors.</summary>
/// <param name="Method">Which elements go.</param>
/// <param name="Amount">How much; null where the method's pattern says it, or <see cref="OwnAmounts"/> do.</param>
public sealed record PruneRequest(PruningMethod Method, PruneAmount? Amount)
{
    /// <summary>What the amount is taken of; each tensor by default, all together where the method knows no other scope.</summary>
    public PruneScope Scope { get => Method.IsAlwaysGlobal ? PruneScope.Global : field; init; } = PruneScope.PerTensor;

    /// <summary>Whose conventions hold; <see cref="PruneSemantics.Strict"/> by default.</summary>
    public PruneSemantics Semantics { get; init; } = PruneSemantics.Strict;

    /// <summary>Start of random choices; 0 by default.</summary>
    public long Seed { get; init; }

    /// <summary>Amounts of some weights of their own: the last glob that matches a weight decides. <see cref="Amount"/> holds for the
    /// others; without it these are kept whole.</summary>
    public IReadOnlyList<WeightAmount> OwnAmounts { get; init; } = [];

    /// <summary>Checks that the parts fit together.</summary>
    /// <exception cref="PruningException">They don't.</exception>
    public void Validate()
    {
        if (Scope == PruneScope.Global && !Method.SupportsGlobal)
            throw new PruningException($"The method '{Method.Options}' can't rank weights globally: its scores are not comparable "
                + "between tensors of different shape. Use the scope per-tensor, or an unstructured method.");
        if (Method.IsAlwaysGlobal && OwnAmounts.Count > 0)
            throw new PruningException($"The method '{Method.Options}' itself shares one amount out to the weights; give no amounts of "
                + "single weights.");
        if (Scope == PruneScope.Global && OwnAmounts.Count > 0)
            throw new PruningException("Amounts of single weights don't go with the scope global, where all weights share one amount; "
                + "use per-tensor.");
        if (Method.TakesAmount && Amount is null && OwnAmounts.Count == 0)
            throw new PruningException($"The method '{Method.Options}' needs an amount, such as 0.3.");
        if (!Method.TakesAmount && (Amount is not null || OwnAmounts.Count > 0))
            throw new PruningException($"The pattern '{Method.Options}' itself says how much is pruned; leave the amount out.");
    }
}
