using Coppice.Data;
using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Training;
using Coppice.Training.Distillation;

namespace Coppice.Tests.Training.Distillation;

/// <summary>A student, a teacher and a batch.</summary>
internal sealed class Lesson(TrainingTask student, TrainingTask teacher, DistillationOptions options, Func<TrainingBatch> batch)
{
    public TrainingTask Student => student;

    public TrainingTask Teacher => teacher;

    /// <summary>The loss of one step, after which the student's parameters hold its gradients.</summary>
    public float Differentiate()
    {
        var gradients = new Dictionary<Parameter, Tensor>();
        var loss = Step(trainer =>
        {
            foreach (var (_, parameter) in trainer.Task.Module.NamedParameters())
                if (parameter.Gradient is { } gradient)
                    gradients.Add(parameter, TensorScope.Detach(Tensor.From(gradient.AsReadOnlySpan<float>(), gradient.Shape)));
        });
        Gradients = gradients;
        return loss;
    }

    /// <summary>What <see cref="Differentiate"/> found.</summary>
    public IReadOnlyDictionary<Parameter, Tensor> Gradients { get; private set; } = new Dictionary<Parameter, Tensor>();

    /// <summary>The loss of one step at learning rate 0.</summary>
    public float Step(Action<Trainer>? gradientsReady = null)
    {
        var witness = new Witness(gradientsReady);
        new Trainer(student, new Sgd(student.Module, 0), FewBatches.Of(batch), new() { Steps = 1 },
            new KnowledgeDistillation(teacher, options), witness).Run();
        return witness.Seen;
    }

    private sealed class Witness(Action<Trainer>? gradientsReady) : TrainingCallback
    {
        public float Seen { get; private set; }

        public override Tensor Loss(Trainer trainer, TrainingBatch batch, Tensor logits, Tensor loss)
        {
            Seen = loss.Item<float>();
            return loss;
        }

        public override void GradientsReady(Trainer trainer) => gradientsReady?.Invoke(trainer);
    }
}
