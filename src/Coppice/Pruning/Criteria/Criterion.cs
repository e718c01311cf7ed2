using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>What a criterion scores, and so what is pruned by it.</summary>
public enum PruningUnit
{
    /// <summary>Single entries of a weight.</summary>
    Entry,

    /// <summary>Output channels: filters of a convolution, outputs of a linear layer.</summary>
    Channel,
}

/// <summary>What a criterion must be told besides the weights.</summary>
[Flags]
public enum CriterionNeeds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Gradients of the loss to the weights, summed over batches.</summary>
    Gradients = 1,

    /// <summary>Squares of each batch's gradients, summed.</summary>
    SquaredGradients = 2,

    /// <summary>Magnitudes of the gradients to the layers' outputs, by channel.</summary>
    OutputGradients = 4,

    /// <summary>How weights moved during training; gathered by the callback that prunes.</summary>
    Movement = 8,
}

/// <summary>Says how much each entry or channel of some weights matters: a pure function of the weights and what was gathered of
/// them.</summary>
/// <remarks>Its author writes <see cref="Score"/> and states <see cref="Unit"/>, and <see cref="Needs"/> if it needs anything.</remarks>
public abstract class Criterion
{
    /// <summary>What it scores.</summary>
    public abstract PruningUnit Unit { get; }

    /// <summary>What it must be told.</summary>
    public virtual CriterionNeeds Needs => CriterionNeeds.None;

    /// <summary>Scores all weights in scope; the higher, the longer it is kept.</summary>
    /// <returns>A tensor for each weight: of the weight's shape, or [outputs].</returns>
    /// <exception cref="PruningException">A score of something that is not masked is NaN.</exception>
    public IReadOnlyList<Tensor> ScoreAll(IReadOnlyList<WeightStatistics> weights)
    {
        var scores = Normalize([.. weights.Select(Score)]);
        for (var i = 0; i < scores.Count; i++)
            Check(scores[i], weights[i].Weight);
        return scores;
    }

    /// <summary>The scores of one weight: F32, of its shape or [outputs], as <see cref="Unit"/> says.</summary>
    /// <remarks>Entries under a mask have the value 0 and the gradient 0.</remarks>
    protected abstract Tensor Score(WeightStatistics weight);

    /// <summary>Relates the scores of the weights in scope to each other; by default leaves them.</summary>
    protected virtual IReadOnlyList<Tensor> Normalize(IReadOnlyList<Tensor> scores) => scores;

    private void Check(Tensor scores, LiveWeight weight)
    {
        Shape shape = Unit == PruningUnit.Entry ? weight.Parameter.Shape : [weight.Outputs];
        if (scores.Shape != shape || scores.DType != DType.F32)
            throw new InvalidOperationException(
                $"{GetType().Name} gave scores of {scores} for '{weight.FullName}'; they must be F32 {shape}.");
        foreach (var score in scores.AsReadOnlySpan<float>())
            if (float.IsNaN(score))
                throw new PruningException($"{GetType().Name} scored an entry or channel of '{weight.FullName}' NaN: "
                    + "its values or gradients are not finite. Repair the weights, or look at the data that the gradients came from.");
    }
}
