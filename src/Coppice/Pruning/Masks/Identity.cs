using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes nothing: puts a mask of ones in force, or leaves the one there is (<c>torch.nn.utils.prune.Identity</c>).</summary>
public sealed class Identity : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Unstructured;

    /// <inheritdoc/>
    protected override bool AllowsNaN => true;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask) => defaultMask;
}
