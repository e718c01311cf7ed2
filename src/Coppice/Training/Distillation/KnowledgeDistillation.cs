using Coppice.Data;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Training.Distillation;

/// <summary>
/// Trains a student to answer as a teacher does, usually the model before it was pruned (Hinton, Vinyals and Dean, "Distilling the
/// knowledge in a neural network", 2015).
/// </summary>
/// <remarks>
/// <para>
/// The loss becomes <c>alpha T² KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) loss</c>, means over the logits' rows,
/// plus each transfer's weight times its loss. The teacher runs in evaluation mode beside each forward pass of the student and gets no
/// gradients; what it computes is recycled within the step.
/// </para>
/// <para>
/// Gradients of projections are not clipped with the student's. Projections and their optimizer are part of the state, so resumed runs end
/// with the same bytes.
/// </para>
/// </remarks>
/// <example><code>
/// var distillation = new KnowledgeDistillation(TrainingTask.Of(original), new()
/// {
///     Alpha = 0.7f,
///     Transfers = [new HiddenStateTransfer("bert.encoder.layer.3", "bert.encoder.layer.11") { Projected = true }],
/// });
/// new Trainer(TrainingTask.Of(pruned), optimizer, data, options, distillation).Run();
/// </code></example>
public sealed class KnowledgeDistillation : TrainingCallback
{
    private readonly TrainingTask _teacher;
    private readonly DistillationOptions _options;
    private List<Observation> _student = [];
    private IReadOnlyDictionary<string, Tensor> _loaded = new Dictionary<string, Tensor>();
    private Projections? _projections;

    /// <summary>Distillation from a teacher.</summary>
    /// <param name="teacher">A model of the same task, none of whose modules is the student's.</param>
    /// <param name="options">What to take over from it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The temperature, alpha or a weight is out of its range.</exception>
    public KnowledgeDistillation(TrainingTask teacher, DistillationOptions options)
    {
        if (!(options.Temperature > 0 && float.IsFinite(options.Temperature)))
            throw new ArgumentOutOfRangeException(nameof(options), $"The temperature must be above 0, not {options.Temperature}.");
        if (options.Alpha is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(
                nameof(options), $"Alpha, the teacher's share of the loss, must be in 0..1, not {options.Alpha}.");
        foreach (var transfer in options.Transfers)
            if (!(transfer.Weight >= 0 && float.IsFinite(transfer.Weight)))
                throw new ArgumentOutOfRangeException(nameof(options), $"The weight of {transfer} must be at least 0.");
        (_teacher, _options) = (teacher, options);
    }

    /// <inheritdoc/>
    /// <exception cref="TrainingException">Student and teacher have other classes or share modules, or a path does not exist.</exception>
    public override void Started(Trainer trainer)
    {
        var student = trainer.Task.Module;
        var modules = student.NamedModules().Select(named => named.Module).ToHashSet();
        if (_teacher.Module.NamedModules().Any(named => modules.Contains(named.Module)))
            throw new TrainingException(
                "Student and teacher share modules, so the teacher would be trained too: open its checkpoint once more.");
        if (_options.Alpha > 0 && Classes(student) is { } ours && Classes(_teacher.Module) is { } theirs)
            CheckClasses(ours, theirs);
        foreach (var transfer in _options.Transfers)
        {
            Find(transfer, student, transfer.Student, "student");
            Find(transfer, _teacher.Module, transfer.Teacher, "teacher");
        }
        _teacher.Module.Train(false);
    }

    /// <inheritdoc/>
    public override void StepStarting(Trainer trainer)
    {
        StopObserving();
        _student = Observe(trainer.Task.Module, transfer => transfer.Student);
    }

    /// <inheritdoc/>
    /// <exception cref="TrainingException">Logits or what is to be matched have other shapes.</exception>
    public override Tensor Loss(Trainer trainer, TrainingBatch batch, Tensor logits, Tensor loss)
    {
        var (teacherLogits, targets) = AskTeacher(batch);
        var total = loss;
        if (_options.Alpha > 0)
        {
            CheckClasses(logits.Shape[^1], teacherLogits.Shape[^1]);
            var divergence = logits.KlDivergence(teacherLogits, _options.Temperature);
            total = Scale(loss, 1 - _options.Alpha).Add(Scale(divergence, _options.Alpha));
        }
        Tensor[] descriptions = [.. Describe(_student, batch)];
        _projections ??= new(
            [.. _options.Transfers.Select((transfer, i) => transfer.Projection(descriptions[i], targets[i]))], _options, _loaded);
        foreach (var (i, transfer) in _options.Transfers.Index())
            total = total.Add(Scale(transfer.Loss(_projections.Map(i, descriptions[i]), targets[i]), transfer.Weight));
        return total;
    }

    /// <inheritdoc/>
    public override void GradientsReady(Trainer trainer) => _projections?.RefuseNonFiniteGradients(trainer.Step);

    /// <inheritdoc/>
    public override void StepDone(Trainer trainer)
    {
        _projections?.Step(trainer.Optimizer.LearningRateFactor);
        StopObserving();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        _projections?.State() ?? _loaded.Select(entry => (entry.Key, entry.Value));

    /// <inheritdoc/>
    public override void LoadState(IReadOnlyDictionary<string, Tensor> state) =>
        (_loaded, _projections) = (state, null);

    private static Tensor Scale(Tensor loss, float factor) => loss.Multiply(Tensor.Full([], factor));

    private static int? Classes(Module module) => module switch
    {
        ImageClassifier classifier => classifier.Labels,
        ITextClassifier classifier => classifier.Labels,
        ICausalLanguageModel language => language.VocabSize,
        _ => null,
    };

    private static void CheckClasses(int student, int teacher)
    {
        if (student != teacher)
            throw new TrainingException($"The student tells {student} classes apart, the teacher {teacher}: take a teacher of the same "
                + "task (for language models: with the same vocabulary), or set Alpha to 0 and match layers alone.");
    }

    private static Module Find(LayerTransfer transfer, Module root, string path, string whose)
    {
        try
        {
            return transfer.Find(root, path);
        }
        catch (ArgumentException error)
        {
            throw new TrainingException($"{transfer.GetType().Name}, {whose}: {error.Message}", error);
        }
    }

    /// <summary>The teacher's logits and what is to be matched, in the scope that is open.</summary>
    private (Tensor Logits, Tensor[] Targets) AskTeacher(TrainingBatch batch)
    {
        using var paused = Tape.Pause();
        using var scope = new TensorScope();
        var observations = Observe(_teacher.Module, transfer => transfer.Teacher);
        try
        {
            var logits = _teacher.Forward(batch);
            return (scope.Keep(logits), [.. Describe(observations, batch).Select(scope.Keep)]);
        }
        finally
        {
            observations.ForEach(observation => observation.Dispose());
        }
    }

    private List<Observation> Observe(Module root, Func<LayerTransfer, string> path) =>
        [.. _options.Transfers.Select(transfer => new Observation(transfer.Find(root, path(transfer)), path(transfer), transfer.Points))];

    private IEnumerable<Tensor> Describe(List<Observation> observations, TrainingBatch batch) =>
        _options.Transfers.Select((transfer, i) => transfer.Describe(observations[i].Module, observations[i].Take(), batch));

    private void StopObserving()
    {
        _student.ForEach(observation => observation.Dispose());
        _student = [];
    }
}
