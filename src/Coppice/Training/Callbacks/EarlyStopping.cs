using Coppice.Tensors;

namespace Coppice.Training.Callbacks;

/// <summary>Ends a run when the loss on the validation data has not fallen for some measurements (Prechelt 1998).</summary>
/// <param name="patience">Measurements without a new best, at least 1.</param>
/// <param name="from">The first step that counts, such as the one where a gradual pruning is complete.</param>
public sealed class EarlyStopping(int patience, long from = 0) : TrainingCallback
{
    private double _best = double.PositiveInfinity;
    private long _since;

    /// <inheritdoc/>
    public override void Started(Trainer trainer) => StopIfDue(trainer);

    /// <inheritdoc/>
    public override void Evaluated(Trainer trainer, Measurement measurement)
    {
        if (trainer.Step < from)
            return;
        (_best, _since) = measurement.Loss < _best ? (measurement.Loss, 0) : (_best, _since + 1);
        StopIfDue(trainer);
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        [("best, since", Tensor.From([BitConverter.DoubleToInt64Bits(_best), _since], [2]))];

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        var values = state["best, since"].ToArray<long>();
        (_best, _since) = (BitConverter.Int64BitsToDouble(values[0]), values[1]);
    }

    private void StopIfDue(Trainer trainer)
    {
        if (_since >= patience)
            trainer.Stop();
    }
}
