using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Pruning.Callbacks;

/// <summary>Remembers the weights at a step and puts them back under the present masks (Frankle and Carbin, "The lottery ticket
/// hypothesis", 2019; Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis", 2020, for steps after the
/// first).</summary>
/// <remarks>
/// Weights and buffers, such as running means, are remembered; masks stay as they are. Rewinding makes the optimizer begin anew. The step's
/// number and the learning rate go on, so let the schedule start again at each round
/// (<see cref="LearningRateSchedule.CosineWarmRestarts"/>).
/// </remarks>
/// <example><code>
/// var ticket = new LotteryTicket(rewindTo: 100);
/// var pruning = new GradualPruning(new Magnitude(), SparsitySchedule.Iterative(0.8, 5, 1000, 1000), weights) { Pruned = ticket.Rewind };
/// new Trainer(task, optimizer, data, new() { Steps = 6000 }, ticket, pruning).Run();
/// </code></example>
/// <param name="rewindTo">The step before whose update the weights are remembered: 0 for those the run began with.</param>
public sealed class LotteryTicket(long rewindTo = 0) : TrainingCallback
{
    private readonly Dictionary<string, Tensor> _remembered = [];

    /// <inheritdoc/>
    public override void StepStarting(Trainer trainer)
    {
        if (trainer.Step != rewindTo)
            return;
        foreach (var (name, value) in Values(trainer.Task.Module))
        {
            var copy = _remembered[name] = TensorScope.Detach(Tensor.Empty(value.Shape, value.DType));
            copy.CopyFrom(value);
        }
    }

    /// <summary>Puts the remembered weights back.</summary>
    /// <exception cref="PruningException">The step to rewind to has not been reached.</exception>
    public void Rewind(Trainer trainer)
    {
        if (_remembered.Count == 0)
            throw new PruningException($"Step {trainer.Step}: the weights of step {rewindTo} are not known yet; rewind later, "
                + "or to an earlier step, and name this callback before the one that rewinds.");
        foreach (var (name, value) in Values(trainer.Task.Module))
            value.CopyFrom(_remembered[name]);
        trainer.Optimizer.LoadState(new Dictionary<string, Tensor>());
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => _remembered.Select(entry => (entry.Key, entry.Value));

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var (name, value) in state)
            _remembered[name] = value;
    }

    private static IEnumerable<(string Name, Tensor Value)> Values(Module model)
    {
        foreach (var (name, parameter) in model.ParametersByPlainName())
            yield return (name, parameter.Data);
        foreach (var (path, module) in model.NamedModules())
            foreach (var (name, buffer) in module.Buffers)
                yield return (Module.Join(path, name), buffer);
    }
}
