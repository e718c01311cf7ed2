using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes where a given mask is 0 (<c>torch.nn.utils.prune.CustomFromMask</c>).</summary>
/// <param name="mask">F32 zeros and ones in the shape of the weight. It is copied when applied.</param>
public sealed class CustomFromMask(Tensor mask) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Global;

    /// <inheritdoc/>
    protected override bool AllowsNaN => true;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The mask's shape or type is not the weight's.</exception>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        if (mask.Shape != defaultMask.Shape || mask.DType != DType.F32)
            throw new ArgumentException($"The mask given for {Target} is {mask}; it must be {defaultMask}.");
        return mask;
    }
}
