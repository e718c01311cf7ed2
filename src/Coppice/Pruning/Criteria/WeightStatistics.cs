using System.Diagnostics.CodeAnalysis;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>A weight in scope with what was gathered of it; a criterion finds here what its <see cref="Criterion.Needs"/> name.</summary>
/// <param name="weight">The weight.</param>
public sealed class WeightStatistics(LiveWeight weight)
{
    /// <summary>The weight.</summary>
    public LiveWeight Weight { get; } = weight;

    /// <summary>Batches that were gathered from.</summary>
    public int Batches { get; internal set; }

    /// <summary>The sum over batches of the gradient of a batch's mean loss, of the weight's shape.</summary>
    [AllowNull]
    public Tensor Gradients { get => field ?? throw Undeclared(CriterionNeeds.Gradients); internal init; }

    /// <summary>The sum over batches of the square of that gradient, entry by entry.</summary>
    [AllowNull]
    public Tensor SquaredGradients { get => field ?? throw Undeclared(CriterionNeeds.SquaredGradients); internal init; }

    /// <summary>[outputs]: the sum over batches of the mean of |dL/dy| over the examples and positions of an output channel y.</summary>
    [AllowNull]
    public double[] OutputGradients { get => field ?? throw Undeclared(CriterionNeeds.OutputGradients); internal init; }

    /// <summary>The sum over training steps of -w dL/dw, of the weight's shape.</summary>
    [AllowNull]
    public Tensor Movement { get => field ?? throw Undeclared(CriterionNeeds.Movement); internal set; }

    private static InvalidOperationException Undeclared(CriterionNeeds what) =>
        new($"{what} were not gathered: name them in the criterion's {nameof(Criterion.Needs)}.");
}
