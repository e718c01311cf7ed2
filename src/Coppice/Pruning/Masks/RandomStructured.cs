using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes remaining channels at random (<c>torch.nn.utils.prune.RandomStructured</c>).</summary>
/// <remarks>
/// Each channel takes one draw and the smallest draws are pruned, so a source at the start of <c>torch.manual_seed(seed)</c>'s stream gives
/// PyTorch's own mask. Under torch semantics channels whose draw equals the last pruned one go too, as in PyTorch; strict semantics keeps
/// the count exact.
/// </remarks>
/// <param name="amount">Of the channels that remain.</param>
/// <param name="random">Advances by one draw per channel.</param>
/// <param name="dim">The axis of the channels; negative counts from the end.</param>
public sealed class RandomStructured(PruneAmount amount, RandomSource random, int dim = -1) : BasePruningMethod
{
    /// <inheritdoc/>
    public override PruningType PruningType => PruningType.Structured;

    /// <inheritdoc/>
    public override int Dim => dim;

    /// <inheritdoc/>
    public override Tensor ComputeMask(Tensor scores, Tensor defaultMask)
    {
        var axis = Channels.Axis(scores.Shape, dim, Target);
        var channels = new Channels(scores.Shape, axis);
        var count = amount.Of(channels.Count, $"remaining channels of {Target} along axis {axis}");
        if (count == 0)
            return defaultMask;
        var draws = new double[channels.Count];
        for (var i = 0; i < draws.Length; i++)
            draws[i] = random.NextSingle();
        channels.Prune(defaultMask, Lowest.Of(draws, count, withTies: Semantics == PruneSemantics.Torch));
        return defaultMask;
    }
}
