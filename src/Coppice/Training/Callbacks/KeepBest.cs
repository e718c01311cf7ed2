using Coppice.Tensors;

namespace Coppice.Training.Callbacks;

/// <summary>Remembers the model at its best measurement on the validation data and puts it back at the end.</summary>
/// <param name="from">The first step that counts, such as the one where a gradual pruning is complete.</param>
public sealed class KeepBest(long from = 0) : TrainingCallback
{
    private readonly Dictionary<string, Tensor> _best = [];

    /// <summary>Loss at the best measurement; null before the first.</summary>
    public double? LowestLoss { get; private set; }

    /// <inheritdoc/>
    public override void Evaluated(Trainer trainer, Measurement measurement)
    {
        if (trainer.Step < from || measurement.Loss >= LowestLoss)
            return;
        LowestLoss = measurement.Loss;
        _best.Clear();
        foreach (var (name, value) in ModuleState.Copy(trainer.Task.Module))
            _best.Add(name, value);
    }

    /// <inheritdoc/>
    public override void Finished(Trainer trainer)
    {
        if (LowestLoss is not null)
            trainer.Task.Module.LoadStateDict(_best);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => LowestLoss is { } loss
        ? [("loss", Tensor.From([BitConverter.DoubleToInt64Bits(loss)], [1])), .. _best.Select(entry => ("best/" + entry.Key, entry.Value))]
        : [];

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var (name, value) in state)
            if (name == "loss")
                LowestLoss = BitConverter.Int64BitsToDouble(value.Item<long>());
            else
                _best.Add(name["best/".Length..], value);
    }
}
