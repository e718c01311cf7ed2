using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes whole channels of each weight: the slices along one axis with the lowest scores, equal scores by lowest index.</summary>
/// <remarks>The amount counts channels of one weight, so there is no global scope. NaN scores rank highest.</remarks>
/// <param name="Dim">The axis that channels are counted along; negative from the innermost.</param>
public abstract record ChannelMethod(int Dim) : PruningMethod
{
    /// <summary>Whether channels that score the same as the last pruned one are pruned with it.</summary>
    protected virtual bool PrunesTies(PruneTask task) => false;

    /// <summary>One score per channel for each target; the lowest are pruned. Called once, with the targets of which something is to be
    /// pruned.</summary>
    protected abstract double[][] Score(IReadOnlyList<ChannelTarget> targets, PruneTask task);

    /// <inheritdoc/>
    public sealed override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task)
    {
        var targets = task.Weights.Select((weight, place) => Target(weight, place, task.AmountOf(weight))).ToList();
        var pruned = targets.Where(target => target.Count > 0).ToList();
        var scores = Score(pruned, task);
        var masks = new WeightMask[targets.Count];
        for (var i = 0; i < pruned.Count; i++)
            masks[pruned[i].Place] = Mask(pruned[i], scores[i], task);
        foreach (var target in targets.Where(target => target.Count == 0))
            masks[target.Place] = new KeepAllMask(target.Weight.Source.DType, task.Semantics);
        return masks;
    }

    private ChannelTarget Target(SelectedWeight weight, int place, PruneAmount amount)
    {
        var shape = weight.Source.Shape;
        if (shape.Rank < 2)
            throw new PruningException($"'{weight.Name}' {shape} has no channels: structured pruning needs two axes or more; exclude it.");
        if (Dim >= shape.Rank || Dim < -shape.Rank)
            throw new PruningException($"Axis {Dim} is not an axis of '{weight.Name}' {shape}; "
                + $"choose one from {-shape.Rank} to {shape.Rank - 1}.");
        var axis = Dim < 0 ? Dim + shape.Rank : Dim;
        var count = amount.Of(shape[axis], $"channels of '{weight.Name}' {shape} along axis {axis}");
        return new ChannelTarget(weight, place, axis, (int)count);
    }

    private ChannelMask Mask(ChannelTarget target, double[] scores, PruneTask task)
    {
        var order = Enumerable.Range(0, scores.Length)
            .OrderBy(i => double.IsNaN(scores[i]) ? 1 : 0).ThenBy(i => scores[i]).ThenBy(i => i).ToArray();
        var last = scores[order[target.Count - 1]];
        var pruned = new bool[scores.Length];
        for (var i = 0; i < order.Length; i++)
            pruned[order[i]] = i < target.Count || (PrunesTies(task) && scores[order[i]] == last);
        return new ChannelMask(new TensorSpec(target.Weight.Source.DType, target.Weight.Source.Shape), task.Semantics, target.Axis, pruned);
    }
}

/// <summary>A weight to lose some of its channels.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="Place">Its place in scope.</param>
/// <param name="Axis">The axis that channels are counted along, from the outermost.</param>
/// <param name="Count">Channels to prune.</param>
public sealed record ChannelTarget(SelectedWeight Weight, int Place, int Axis, int Count);
