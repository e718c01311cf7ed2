using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Methods;

/// <summary>Decides which elements of some weights are pruned: a pure function of the weights and the target.</summary>
/// <remarks>Validation, counting, tied weights, reports and writing are the <see cref="Pruner"/>'s; a method writes
/// <see cref="ComputeMasks"/> alone.</remarks>
public abstract record PruningMethod
{
    /// <summary>The options that name this method; <see cref="MethodOptions.ToMethod"/> makes it from them again.</summary>
    public abstract MethodOptions Options { get; }

    /// <summary>Whether weights can be ranked together under <see cref="PruneScope.Global"/>.</summary>
    public virtual bool SupportsGlobal => IsAlwaysGlobal;

    /// <summary>Whether the amount is always that of all weights together, whatever scope is asked for.</summary>
    public virtual bool IsAlwaysGlobal => false;

    /// <summary>Whether the caller says how much to prune; false where the pattern itself does.</summary>
    public virtual bool TakesAmount => true;

    /// <summary>One mask for each weight of the task, in order.</summary>
    /// <exception cref="PruningException">The method does not fit a weight, or the amount exceeds it.</exception>
    public abstract IReadOnlyList<WeightMask> ComputeMasks(PruneTask task);
}

/// <summary>What a method is asked to do.</summary>
public sealed record PruneTask
{
    // Private, so that no method prunes by it a weight that has an amount of its own.
    private readonly PruneAmount _amount;

    /// <summary>A task.</summary>
    /// <param name="weights">Weights in scope, each once, in the checkpoint's order.</param>
    /// <param name="amount">How much to prune.</param>
    /// <param name="scope">What the amount is taken of.</param>
    /// <param name="semantics">Whose conventions hold.</param>
    /// <param name="seed">Start of every random choice.</param>
    public PruneTask(IReadOnlyList<SelectedWeight> weights, PruneAmount amount, PruneScope scope, PruneSemantics semantics, long seed) =>
        (Weights, _amount, Scope, Semantics, Seed) = (weights, amount, scope, semantics, seed);

    /// <summary>Weights in scope, each once, in the checkpoint's order.</summary>
    public IReadOnlyList<SelectedWeight> Weights { get; }

    /// <summary>What the amount is taken of.</summary>
    public PruneScope Scope { get; init; }

    /// <summary>Whose conventions hold.</summary>
    public PruneSemantics Semantics { get; }

    /// <summary>Start of every random choice.</summary>
    public long Seed { get; }

    /// <summary>Amounts of weights that have their own.</summary>
    public IReadOnlyDictionary<SelectedWeight, PruneAmount> OwnAmounts { get; init; } = new Dictionary<SelectedWeight, PruneAmount>();

    /// <summary>How much to prune of all weights together.</summary>
    /// <exception cref="InvalidOperationException">The scope is not <see cref="PruneScope.Global"/>: weights may have amounts of their
    /// own.</exception>
    public PruneAmount AmountOfAll => Scope == PruneScope.Global ? _amount
        : throw new InvalidOperationException("All weights together have an amount with the scope global alone; ask for that of each.");

    /// <summary>How much of one weight to prune.</summary>
    public PruneAmount AmountOf(SelectedWeight weight) => OwnAmounts.GetValueOrDefault(weight, _amount);
}
