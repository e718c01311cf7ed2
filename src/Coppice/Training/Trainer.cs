using System.Diagnostics;
using Coppice.Data;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Training;

/// <summary>Trains a model: forward, loss, backward, update, step after step.</summary>
/// <remarks>
/// Everything a run depends on is in the model, the optimizer, the callbacks and the step's number; <see cref="TrainerOptions.StateFile"/>
/// holds it, and a run that is killed and started again with that file ends with the same bytes, on any number of threads.
/// </remarks>
/// <example><code>
/// var trainer = new Trainer(TrainingTask.Of(model), new Sgd(model, 0.05) { Momentum = 0.9 }, data, new() { Steps = 3 * data.BatchesPerEpoch });
/// trainer.Run();
/// </code></example>
public sealed class Trainer
{
    private readonly TrainerOptions _options;
    private readonly DataLoader _data;
    private readonly Dictionary<string, double> _values = [];
    private readonly TrainingState _state;
    private bool _stops;

    /// <summary>A run that has not begun.</summary>
    /// <param name="task">The model and how its logits come about.</param>
    /// <param name="optimizer">Updates the model's parameters.</param>
    /// <param name="data">The training data.</param>
    /// <param name="options">How long and how.</param>
    /// <param name="callbacks">What else acts.</param>
    public Trainer(TrainingTask task, Optimizer optimizer, DataLoader data, TrainerOptions options, params IReadOnlyList<TrainingCallback> callbacks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Steps, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Accumulate, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SaveEvery, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.EvaluateEvery ?? 1, 1, nameof(options));
        (Task, Optimizer, _data, _options, Callbacks) = (task, optimizer, data, options, callbacks);
        _state = new(this);
    }

    /// <summary>The model and how its logits come about.</summary>
    public TrainingTask Task { get; }

    /// <summary>Updates the model's parameters.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>What else acts, in order.</summary>
    public IReadOnlyList<TrainingCallback> Callbacks { get; }

    /// <summary>Updates done; within a step, the number of that step, counted from 0.</summary>
    public long Step { get; internal set; }

    /// <summary>Updates in all.</summary>
    public long Steps => _options.Steps;

    /// <summary>Updates in a pass over the data, rounded up.</summary>
    public long StepsPerEpoch => (_data.BatchesPerEpoch + _options.Accumulate - 1L) / _options.Accumulate;

    /// <summary>The last measurement on the validation data.</summary>
    public Measurement? Validation { get; private set; }

    /// <summary>Shows a value of a callback's, such as the sparsity, in each report from now on.</summary>
    public void Show(string name, double value) => _values[name] = value;

    /// <summary>Ends the run after this step.</summary>
    public void Stop() => _stops = true;

    /// <summary>Trains, from the start or from where <see cref="TrainerOptions.StateFile"/> says; the module is left in evaluation mode.</summary>
    /// <param name="report">Told every few steps, and at each measurement.</param>
    /// <param name="cancellation">Stops between steps, with the state saved where a file was given.</param>
    /// <returns>The last measurement on the validation data; null without any.</returns>
    /// <exception cref="TrainingException">The loss or a gradient is not finite, or the state file is of another run.</exception>
    public Measurement? Run(Action<TrainingReport>? report = null, CancellationToken cancellation = default)
    {
        if (_options.StateFile is { } file && File.Exists(file))
            _state.Load(file);
        Task.Module.Train();
        foreach (var callback in Callbacks)
            callback.Started(this);
        try
        {
            TrainSteps(report, cancellation);
            foreach (var callback in Callbacks)
                callback.Finished(this);
        }
        finally
        {
            Task.Module.Train(false);
        }
        return Validation;
    }

    private void TrainSteps(Action<TrainingReport>? report, CancellationToken cancellation)
    {
        var (loss, since, examples, started) = (0.0, 0, 0L, Stopwatch.GetTimestamp());
        using var batches = Batches().GetEnumerator();
        while (Step < Steps && !_stops)
        {
            SaveIfAsked(cancellation);
            var done = OneStep(batches);
            (loss, since, examples) = (loss + done.Loss, since + 1, examples + done.Examples);
            Step++;
            var measured = MeasureIfDue(cancellation);
            if (report is null || measured is null && Step % _options.ReportEvery != 0 && Step != Steps)
                continue;
            report(new(Step, Steps, (int)((Step - 1) / StepsPerEpoch) + 1, loss / since, done.Accuracy, Optimizer.LearningRateFactor,
                examples / Stopwatch.GetElapsedTime(started).TotalSeconds, measured, new Dictionary<string, double>(_values)));
            (loss, since, examples, started) = (0, 0, 0, Stopwatch.GetTimestamp());
        }
        if (_options.StateFile is { } file)
            _state.Save(file);
    }

    private void SaveIfAsked(CancellationToken cancellation)
    {
        if (_options.StateFile is { } file && (cancellation.IsCancellationRequested || (Step > 0 && Step % _options.SaveEvery == 0)))
            _state.Save(file);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>All batches from the present step on; an epoch after the other.</summary>
    private IEnumerable<TrainingBatch> Batches()
    {
        var number = checked(Step * _options.Accumulate);
        for (var epoch = number / _data.BatchesPerEpoch; ; epoch++, number = 0)
            foreach (var batch in _data.Batches((int)epoch, (int)(number % _data.BatchesPerEpoch)))
                yield return batch;
    }

    private (double Loss, double Accuracy, int Examples) OneStep(IEnumerator<TrainingBatch> batches)
    {
        foreach (var callback in Callbacks)
            callback.StepStarting(this);
        var (loss, accuracy, examples) = (0.0, 0.0, 0);
        for (var part = 0; part < _options.Accumulate; part++)
        {
            batches.MoveNext();
            using var batch = batches.Current;
            var done = Differentiate(batch);
            (loss, accuracy, examples) = (loss + done.Loss / _options.Accumulate, done.Accuracy, examples + batch.Count);
        }
        foreach (var callback in Callbacks)
            callback.GradientsReady(this);
        if (_options.ClipNorm is { } norm)
            Optimizer.ClipGradientNorm(norm);
        Optimizer.LearningRateFactor = _options.Schedule(Step);
        Optimizer.Step();
        Optimizer.ZeroGradients();
        foreach (var callback in Callbacks)
            callback.StepDone(this);
        return (loss, accuracy, examples);
    }

    private (double Loss, double Accuracy) Differentiate(TrainingBatch batch, bool detectsNonFinite = false)
    {
        using var tape = new Tape { DetectsNonFinite = detectsNonFinite };
        var logits = Task.Forward(batch);
        var loss = logits.CrossEntropy(batch.Targets, _options.LabelSmoothing);
        foreach (var callback in Callbacks)
            loss = callback.Loss(this, batch, logits, loss);
        var value = loss.Item<float>();
        if (!float.IsFinite(value) && !detectsNonFinite)
            throw Diverged(batch, $"the loss is {value}");
        tape.Backward(_options.Accumulate == 1 ? loss : loss.Multiply(Tensor.Full([], 1f / _options.Accumulate)));
        if (!detectsNonFinite && Optimizer.FindNonFiniteGradient() is { } name)
            throw Diverged(batch, $"the gradient of '{name}' holds NaN or an infinity");
        var isReported = (Step + 1) % _options.ReportEvery == 0 || Step + 1 == Steps;
        return (value, isReported ? (double)Measurement.Correct(logits, batch.Targets) / batch.Targets.Count : 0);
    }

    /// <summary>Runs the step once more with every op watched, to name the one where it began.</summary>
    private TrainingException Diverged(TrainingBatch batch, string found)
    {
        var where = "it did not show again when the step was repeated";
        try
        {
            Differentiate(batch, detectsNonFinite: true);
        }
        catch (Tensors.Ops.OpException error)
        {
            where = error.Message;
        }
        var kept = _options.StateFile is { } file && File.Exists(file) ? $" {file} still holds the state before." : "";
        return new($"Step {Step}: {found}; {where}. The update was not made.{kept} Lower the learning rate, clip gradients, or look at the data.");
    }

    private Measurement? MeasureIfDue(CancellationToken cancellation)
    {
        if (_options.Validation is not { } data || (Step % (_options.EvaluateEvery ?? StepsPerEpoch) != 0 && Step != Steps))
            return null;
        foreach (var callback in Callbacks)
            callback.Evaluating(this);
        var measured = Validation = Measurement.Of(Task, data, cancellation);
        foreach (var callback in Callbacks.Reverse())
            callback.Evaluated(this, measured);
        return measured;
    }
}
