using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Several methods applied in order as one, each to what the ones before leave; if one fails, none takes effect.</summary>
/// <remarks>
/// Gives the mask of the same calls made one after another. A single further call needs no container: it acts on what remains anyway.
/// Importance scores are zeroed where a method before has pruned.
/// </remarks>
/// <param name="methods">
/// The first acts first. The semantics of the container hold for the pruned values, those of each method for its ranking.
/// </param>
public sealed class PruningContainer(params BasePruningMethod[] methods) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Global;

    /// <inheritdoc/>
    protected override bool AllowsNaN => true;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var mask = defaultMask;
        foreach (var method in methods)
            mask = method.Combine(BinaryMask.Apply(scores, mask), mask, Target);
        return mask;
    }
}
