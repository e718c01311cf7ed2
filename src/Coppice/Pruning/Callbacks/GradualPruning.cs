using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Schedules;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Pruning.Callbacks;

/// <summary>Prunes while a model trains: before each step at which a schedule is due, masks what a criterion scores lowest.</summary>
/// <remarks>
/// Exactly <c>target x n</c> entries (or channels, if the criterion scores those) are masked then, rounded to the nearest, halves to even;
/// n counts pruned ones too. What is masked never comes back. Channels are masked with all that makes them dead; see
/// <see cref="ChannelPruning"/>. Masks are the model's state, so a resumed run goes on where the other was. Reports show the
/// <c>sparsity</c> of the scope.
/// </remarks>
/// <param name="criterion">What is pruned first.</param>
/// <param name="schedule">When, and how much; it must end before the run does.</param>
/// <param name="weights">The scope.</param>
public sealed class GradualPruning(Criterion criterion, SparsitySchedule schedule, IReadOnlyList<LiveWeight> weights) : TrainingCallback
{
    private readonly Dictionary<string, Tensor> _movement = [];
    private IReadOnlyList<NormLink> _links = [];

    /// <summary>Whether targets hold for all weights together, or for each.</summary>
    public PruneScope Scope { get; init; } = PruneScope.Global;

    /// <summary>What gradients are gathered on, the first batches of its epoch 0; needed by criteria that ask for them, and, to find batch
    /// normalisations behind layers, by those that score channels.</summary>
    public DataLoader? Calibration { get; init; }

    /// <summary>Batches gathered from at each pruning.</summary>
    public int CalibrationBatches { get; init; } = 8;

    /// <summary>Called after each pruning, such as with <see cref="LotteryTicket.Rewind"/>.</summary>
    public Action<Trainer>? Pruned { get; init; }

    private bool PrunesChannels => criterion.Unit == PruningUnit.Channel;

    private bool NeedsMovement => criterion.Needs.HasFlag(CriterionNeeds.Movement);

    /// <inheritdoc/>
    /// <exception cref="PruningException">The schedule goes on after the run, calibration data is missing, or a weight is of another
    /// model.</exception>
    public override void Started(Trainer trainer)
    {
        Require(schedule.End < trainer.Steps, $"Pruning is scheduled to end at step {schedule.End}, but the run ends before that, "
            + $"after {trainer.Steps} steps counted from 0; train longer or end the schedule earlier.");
        Require(!NeedsMovement || schedule.Begin > 0,
            $"{criterion.GetType().Name} gathers during training and knows nothing at step 0; begin the schedule later.");
        var hasNorms = PrunesChannels && trainer.Task.Module.NamedModules().Any(entry => entry.Module is BatchNorm);
        Require(Calibration is not null || (!hasNorms && (criterion.Needs & ~CriterionNeeds.Movement) == 0),
            $"{criterion.GetType().Name} needs batches to look at: set {nameof(Calibration)}.");
        Require(CalibrationBatches >= 1, $"Nothing can be gathered from {CalibrationBatches} batches; give 1 or more.");
        var known = trainer.Task.Module.NamedParameters().Select(entry => entry.Parameter).ToHashSet();
        if (weights.FirstOrDefault(weight => !known.Contains(weight.Parameter)) is { } stranger)
            throw new PruningException($"'{stranger.FullName}' is no weight of the model that is trained; select weights of that one.");
        if (hasNorms)
            _links = NormLink.Trace(trainer.Task, Calibration!);
        Show(trainer);
    }

    /// <inheritdoc/>
    public override void StepStarting(Trainer trainer)
    {
        if (!schedule.IsDue(trainer.Step))
            return;
        Prune(trainer);
        Show(trainer);
        Pruned?.Invoke(trainer);
    }

    /// <inheritdoc/>
    public override void GradientsReady(Trainer trainer)
    {
        if (!NeedsMovement || trainer.Step >= schedule.End)
            return;
        foreach (var weight in weights)
            if (weight.Parameter.Gradient is { } gradient)
                Move(MovementOf(weight).AsSpan<float>(), weight.Parameter.Value.AsReadOnlySpan<float>(), gradient.AsReadOnlySpan<float>());
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => _movement.Select(entry => (entry.Key, entry.Value));

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var (name, value) in state)
            _movement[name] = value;
    }

    private void Prune(Trainer trainer)
    {
        using var scope = new TensorScope();
        var target = schedule.At(trainer.Step);
        var statistics = Calibration is null
            ? [.. weights.Select(weight => new WeightStatistics(weight))]
            : new Calibration(trainer.Task, Calibration, CalibrationBatches).Gather(weights, criterion.Needs & ~CriterionNeeds.Movement);
        if (NeedsMovement)
            foreach (var weight in statistics)
                weight.Movement = MovementOf(weight.Weight);
        var scores = criterion.ScoreAll(statistics);
        if (PrunesChannels)
            ChannelPruning.To(target, weights, scores, _links, Scope);
        else
            EntryPruning.To(target, weights, scores, Scope);
    }

    private Tensor MovementOf(LiveWeight weight)
    {
        if (!_movement.TryGetValue(weight.FullName, out var sum))
            _movement.Add(weight.FullName, sum = TensorScope.Detach(Tensor.Zeros(weight.Parameter.Shape)));
        return sum;
    }

    private static void Move(Span<float> sums, ReadOnlySpan<float> values, ReadOnlySpan<float> gradients)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] -= values[i] * gradients[i];
    }

    private void Show(Trainer trainer) => trainer.Show("sparsity",
        PrunesChannels ? ChannelPruning.Sparsity(weights, _links) : EntryPruning.Sparsity(weights));

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new PruningException(message);
    }
}
