using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Criteria;
using Coppice.Training;

namespace Coppice.Pruning.Callbacks;

/// <summary>Trains with an L1 penalty on the scales of batch normalisations, then masks the channels of smallest scale and lets the rest
/// recover (Liu et al., "Learning efficient convolutional networks through network slimming", 2017).</summary>
/// <remarks>
/// Up to the step of pruning, <c>penalty x sign(scale)</c> is added to the gradient of each unmasked scale. Then one threshold over all
/// |scale| masks exactly <c>share x n</c> channels, rounded to the nearest, halves to even: scale and shift, and filter and bias of the
/// layer that feeds only this normalisation. Normalisations of the model's output, such as of its classes, are left alone. Reports show
/// <c>channels pruned</c>.
/// </remarks>
/// <param name="penalty">The paper's lambda, at least 0; 1e-5 to 1e-4 there.</param>
/// <param name="share">Of all channels, in [0, 1].</param>
/// <param name="pruneAt">The step before which channels are masked; there must be steps after it. Null for the penalty alone.</param>
/// <param name="data">The first batch of its epoch 0 shows which layers feed which normalisations.</param>
public sealed class NetworkSlimming(double penalty, double share, long? pruneAt, DataLoader data) : TrainingCallback
{
    private const double UsualLeast = 0.1;

    private readonly PruneAmount _share = PruneAmount.Fraction(share);
    private IReadOnlyList<NormLink> _links = [];

    /// <summary>Share of each normalisation's channels that stays, rounded up, whatever the threshold: those of largest scale. A layer of one
    /// channel lets hardly anything pass, and no fine-tuning brings that back. 0 lets whole layers go.</summary>
    public double LeastKept { get; init; } = UsualLeast;

    /// <summary>Which channels are kept, for a physical removal; complete once pruned.</summary>
    public ChannelPlan Plan => ChannelPlan.Of(_links);

    /// <inheritdoc/>
    /// <exception cref="PruningException">The model has no batch normalisation before its last layer, or a number is out of
    /// range.</exception>
    public override void Started(Trainer trainer)
    {
        if (!(penalty >= 0 && double.IsFinite(penalty)))
            throw new PruningException($"The penalty of network slimming must be at least 0, not {penalty}.");
        if (pruneAt < 0 || pruneAt >= trainer.Steps)
            throw new PruningException(
                $"Network slimming can't prune at step {pruneAt} of a run of {trainer.Steps}; leave steps to recover in.");
        _links = Links(trainer.Task, data);
        Show(trainer);
    }

    /// <summary>The normalisations whose channels can be masked: those with a layer between them and the output.</summary>
    /// <exception cref="PruningException">There are none.</exception>
    public static IReadOnlyList<NormLink> Links(TrainingTask task, DataLoader data)
    {
        NormLink[] links = [.. NormLink.Trace(task, data).Where(link => !link.IsOutput)];
        return links.Length > 0
            ? links
            : throw new PruningException("Network slimming goes by the scales of batch normalisations, and "
                + $"{task.Module.GetType().Name} has none before its last layer; choose another method, such as channel norms.");
    }

    /// <summary>Masks the channels of smallest |scale|.</summary>
    /// <param name="share">Of all channels, in [0, 1], masked ones included.</param>
    /// <param name="links">The normalisations; see <see cref="Links"/>.</param>
    /// <param name="leastKept">See <see cref="LeastKept"/>.</param>
    /// <exception cref="PruningException">A number is out of range, or the share can't be met while each keeps what it must; nothing has been changed.</exception>
    public static void Prune(PruneAmount share, IReadOnlyList<NormLink> links, double leastKept = UsualLeast)
    {
        if (leastKept is not (>= 0 and <= 1))
            throw new PruningException($"The share of a layer's channels that stays must be in [0, 1], not {leastKept}.");
        ChannelPruning.PruneTo(share, [[.. links.Select(Scored)]], channels => ShareOf.AtLeast(leastKept, channels));
    }

    /// <inheritdoc/>
    public override void StepStarting(Trainer trainer)
    {
        if (trainer.Step != pruneAt)
            return;
        Prune(_share, _links, LeastKept);
        Show(trainer);
    }

    /// <inheritdoc/>
    public override void GradientsReady(Trainer trainer)
    {
        if (trainer.Step >= pruneAt)
            return;
        foreach (var link in _links)
            if (link.Norm.Parameter("weight") is { Gradient: { } gradient } scale)
                AddPenalty(gradient.AsSpan<float>(), scale.Value.AsReadOnlySpan<float>());
    }

    /// <summary>A masked scale is 0 and so has no sign: it is left alone.</summary>
    private void AddPenalty(Span<float> gradients, ReadOnlySpan<float> scales)
    {
        for (var i = 0; i < gradients.Length; i++)
            gradients[i] += (float)(penalty * Math.Sign(scales[i]));
    }

    private void Show(Trainer trainer) => trainer.Show("channels pruned",
        1 - (double)Plan.Norms.Sum(norm => norm.Kept.Count) / Plan.Norms.Sum(norm => norm.Channels));

    private static ScoredChannels Scored(NormLink link) => new(
        OutputChannels.Of(link.NormName, link.Layer, link.Layer is Conv1D ? 1 : 0, link.Norm),
        Array.ConvertAll(link.Norm.Parameter("weight").Value.ToArray<float>(), Math.Abs));
}
