using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>
/// A way to prune parameters of live modules. Its author writes <see cref="ComputeMask"/> and states <see cref="PruningType"/>.
/// </summary>
/// <remarks>
/// The counterpart of <c>torch.nn.utils.prune.BasePruningMethod</c>. This class shows the method what remains of a weight that is pruned
/// already, checks the mask it returns, merges it with the one in force (a pruned entry never comes back) and puts it in force, or leaves
/// everything as it was when anything fails. One object works on one weight at a time.
/// </remarks>
public abstract class BasePruningMethod
{
    /// <summary>What the method is shown of a weight that is pruned already.</summary>
    public abstract PruningType PruningType { get; }

    /// <summary>The axis of the channels; negative counts from the end. A structured method overrides it.</summary>
    public virtual int Dim =>
        throw new InvalidOperationException($"{GetType().Name} is structured but names no axis: override {nameof(Dim)}.");

    /// <summary>What becomes of pruned values, NaN and equal draws. For the values, those of the last call on a weight hold.</summary>
    public PruneSemantics Semantics { get; init; }

    /// <summary>What is being pruned, for messages: <c>'weight' of Linear</c>.</summary>
    protected string Target { get; private set; } = "the tensor";

    /// <summary>Whether NaN may stand among the scores under strict semantics, because the method never ranks them.</summary>
    protected virtual bool AllowsNaN => false;

    /// <summary>The mask of a weight: 1 where an entry stays, 0 where it goes.</summary>
    /// <param name="scores">
    /// The weight's values as modules see them, or the importance scores given in their place; not to be written to.
    /// </param>
    /// <param name="defaultMask">The mask so far, of the same shape; a copy, free to be changed and returned.</param>
    /// <returns>Zeros and ones in the shape of <paramref name="defaultMask"/>.</returns>
    public abstract Tensor ComputeMask(Tensor scores, Tensor defaultMask);

    /// <summary>
    /// Prunes a parameter of a module, on top of what is pruned already. Where weights are tied, all that share them are pruned.
    /// </summary>
    /// <param name="module">The module that holds the parameter.</param>
    /// <param name="name">The parameter's name there, such as <c>weight</c>.</param>
    /// <param name="importanceScores">Ranked in place of the values; of the parameter's shape.</param>
    /// <exception cref="ArgumentException">No such parameter, or scores of another shape or type; nothing has been changed.</exception>
    /// <exception cref="PruningException">
    /// NaN under strict semantics, or an amount above what remains; nothing has been changed.
    /// </exception>
    public void Apply(Module module, string name, Tensor? importanceScores = null)
    {
        using var scope = new TensorScope();
        var target = PruneTarget.Of(module, name, importanceScores);
        target.Commit(Combine(target.Scores, target.Mask, target.Label), Semantics);
    }

    /// <summary>The pruned values of a tensor that belongs to no module; amounts are of all its entries, pruned before or not.</summary>
    /// <param name="weights">F32 values, left as they are.</param>
    /// <param name="defaultMask">The mask so far, of the same shape; ones by default.</param>
    /// <param name="importanceScores">Ranked in place of the values; of the same shape.</param>
    /// <exception cref="ArgumentException">A mask or scores of another shape or type.</exception>
    /// <exception cref="PruningException">NaN under strict semantics, or an amount above the entries.</exception>
    public Tensor PruneTensor(Tensor weights, Tensor? defaultMask = null, Tensor? importanceScores = null)
    {
        using var scope = new TensorScope();
        var label = $"the tensor {weights}";
        var parameter = new Parameter(weights.Contiguous());
        var scores = PruneTarget.CheckedScores(parameter, importanceScores, label);
        parameter.SetMask(defaultMask?.Contiguous() ?? Tensor.Full(weights.Shape, 1));
        parameter.SetMask(Evaluate(scores, parameter.Mask!, label), Semantics == PruneSemantics.Torch);
        return parameter.Value;
    }

    /// <summary>The old mask with what this method prunes of the remaining part of a weight.</summary>
    /// <remarks>Runs in a <see cref="TensorScope"/> of the caller's.</remarks>
    internal Tensor Combine(Tensor scores, Tensor mask, string label)
    {
        var axis = PruningType == PruningType.Structured ? Channels.Axis(mask.Shape, Dim, label) : -1;
        if (PruningType == PruningType.Global || BinaryMask.IsOnes(mask))
            return Evaluate(scores, mask, label);
        var remaining = axis < 0 ? Remaining.Entries(mask) : Remaining.Channels(mask, axis);
        var partial = Evaluate(remaining.Gather(scores), remaining.Gather(mask), label);
        return remaining.Scatter(partial, mask);
    }

    private Tensor Evaluate(Tensor scores, Tensor mask, string label)
    {
        Target = label;
        if (Semantics == PruneSemantics.Strict && !AllowsNaN)
            BinaryMask.RefuseNaN(scores, mask, label);
        var computed = ComputeMask(scores, BinaryMask.Copy(mask));
        if (computed.Shape != mask.Shape || computed.DType != DType.F32)
            throw new InvalidOperationException($"{GetType().Name} gave a mask of {computed} for {label}, which needs {mask}.");
        return BinaryMask.And(mask, computed.Contiguous(), $"The mask that {GetType().Name} gave for {label}");
    }
}
