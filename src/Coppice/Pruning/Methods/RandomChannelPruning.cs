using System.Buffers.Binary;
using Coppice.Pruning.Importance;
using Coppice.Tensors;

namespace Coppice.Pruning.Methods;

/// <summary>Prunes channels at random.</summary>
/// <remarks>
/// <see cref="PruneSemantics.Torch"/> makes the choice of <c>random_structured</c> called on the weights in order after
/// <c>torch.manual_seed(seed)</c>.
/// </remarks>
/// <param name="Dim">The axis that channels are counted along; negative from the innermost.</param>
public sealed record RandomChannelPruning(int Dim) : ChannelMethod(Dim)
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("random", MethodOptions.Channel, Dim: Dim);

    /// <summary>PyTorch keeps what lies above the k-th draw, so draws equal to it go too.</summary>
    protected override bool PrunesTies(PruneTask task) => task.Semantics == PruneSemantics.Torch;

    /// <inheritdoc/>
    protected override double[][] Score(IReadOnlyList<ChannelTarget> targets, PruneTask task)
    {
        var stream = new RandomSource(task.Seed);
        return [.. targets.Select(target => task.Semantics == PruneSemantics.Torch ? Draws(target, stream) : Hashes(target, task.Seed))];
    }

    private static double[] Draws(ChannelTarget target, RandomSource stream)
    {
        var draws = new double[target.Weight.Source.Shape[target.Axis]];
        for (var i = 0; i < draws.Length; i++)
            draws[i] = stream.NextSingle();
        return draws;
    }

    private static double[] Hashes(ChannelTarget target, long seed)
    {
        var channels = target.Weight.Source.Shape[target.Axis];
        var keys = new HashKeys(channels, seed, target.Place).Read(0, channels, new byte[channels * sizeof(int)]);
        var scores = new double[channels];
        for (var i = 0; i < channels; i++)
            scores[i] = BinaryPrimitives.ReadInt32LittleEndian(keys[(i * sizeof(int))..]);
        return scores;
    }
}
