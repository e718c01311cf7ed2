using Coppice.Tensors;

namespace Coppice.Training.Callbacks;

/// <summary>Measures, and in the end keeps, a running mean of the weights instead of the last ones (Polyak and Juditsky 1992).</summary>
/// <remarks><c>mean = decay mean + (1 - decay) weights</c> after each step, from the first step's weights on. Buffers are the model's own.
/// Entries under a zero of a mask stay out of it.</remarks>
/// <param name="decay">In [0, 1), usually 0.99 to 0.9999.</param>
public sealed class ExponentialMovingAverage(double decay) : TrainingCallback
{
    private readonly Dictionary<string, Tensor> _means = [];

    /// <inheritdoc/>
    public override void StepDone(Trainer trainer)
    {
        foreach (var (name, parameter) in trainer.Task.Module.ParametersByPlainName())
        {
            var value = parameter.Value.AsReadOnlySpan<float>();
            if (!_means.TryGetValue(name, out var mean))
                _means.Add(name, mean = TensorScope.Detach(Tensor.From(value, parameter.Shape)));
            var values = mean.AsSpan<float>();
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)(decay * values[i] + (1 - decay) * value[i]);
            GC.KeepAlive(mean);
        }
    }

    /// <inheritdoc/>
    public override void Evaluating(Trainer trainer) => Swap(trainer);

    /// <inheritdoc/>
    public override void Evaluated(Trainer trainer, Measurement measurement) => Swap(trainer);

    /// <inheritdoc/>
    public override void Finished(Trainer trainer) => Swap(trainer);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => _means.Select(entry => (entry.Key, entry.Value));

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var (name, value) in state)
            _means.Add(name, value);
    }

    private void Swap(Trainer trainer)
    {
        foreach (var (name, parameter) in trainer.Task.Module.ParametersByPlainName())
        {
            if (!_means.TryGetValue(name, out var mean))
                continue;
            var one = parameter.Data.AsSpan<float>();
            var other = mean.AsSpan<float>();
            for (var i = 0; i < one.Length; i++)
                (one[i], other[i]) = (other[i], one[i]);
            GC.KeepAlive(mean);
        }
    }
}
