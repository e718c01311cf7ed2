using Coppice.Checkpoints;
using Coppice.Modules;

namespace Coppice.Pruning.Streaming;

/// <summary>A weight that was saved under its mask: two tensors, as <c>torch.nn.utils.prune</c> leaves them in a state dict.</summary>
/// <param name="Name">The weight's name.</param>
/// <param name="Original">Its values before pruning, named <c>..._orig</c>.</param>
/// <param name="Mask">What they are multiplied by, named <c>..._mask</c>.</param>
internal sealed record MaskPair(string Name, TensorSource Original, TensorSource Mask)
{
    /// <summary>All pairs of a checkpoint, in the order of the originals.</summary>
    public static IReadOnlyList<MaskPair> Find(IReadOnlyList<TensorSource> tensors)
    {
        var masks = tensors.Where(tensor => MaskedName.WeightOfMask(tensor.Name) is not null).ToDictionary(tensor => tensor.Name);
        var pairs = new List<MaskPair>();
        foreach (var tensor in tensors)
            if (MaskedName.WeightOfOriginal(tensor.Name) is { } name && masks.TryGetValue(MaskedName.Mask(name), out var mask))
                pairs.Add(new MaskPair(name, tensor, mask));
        return pairs;
    }
}
