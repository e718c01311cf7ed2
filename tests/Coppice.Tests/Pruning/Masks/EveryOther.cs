using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>Prunes every other entry.</summary>
public sealed class EveryOther : BasePruningMethod
{
    public override PruningType PruningType => PruningType.Unstructured;

    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var mask = defaultMask.AsSpan<float>();
        for (var i = 0; i < mask.Length; i += 2)
            mask[i] = 0;
        return defaultMask;
    }
}
