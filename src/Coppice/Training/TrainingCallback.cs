using Coppice.Data;
using Coppice.Tensors;

namespace Coppice.Training;

/// <summary>Something that acts during training: a pruning schedule, a regulariser, distillation, early stopping ...</summary>
/// <remarks>Callbacks run in the order they were given. What one remembers between steps goes into <see cref="State"/>, so that a run that
/// was killed resumes to the same bytes.</remarks>
public abstract class TrainingCallback
{
    /// <summary>Before the first step, also of a resumed run, whose state has been loaded by then.</summary>
    public virtual void Started(Trainer trainer)
    {
    }

    /// <summary>Before the forward pass of step <see cref="Trainer.Step"/>.</summary>
    public virtual void StepStarting(Trainer trainer)
    {
    }

    /// <summary>After the forward pass, on the tape: the loss to differentiate.</summary>
    /// <param name="trainer">Whose step it is.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="logits">What the model made of it, [N, classes].</param>
    /// <param name="loss">The loss so far: one F32 element.</param>
    public virtual Tensor Loss(Trainer trainer, TrainingBatch batch, Tensor logits, Tensor loss) => loss;

    /// <summary>When the gradients of a step are complete, before clipping and the update; they may be added to.</summary>
    public virtual void GradientsReady(Trainer trainer)
    {
    }

    /// <summary>After the update of step <see cref="Trainer.Step"/>.</summary>
    public virtual void StepDone(Trainer trainer)
    {
    }

    /// <summary>Before the model is measured on the validation data.</summary>
    public virtual void Evaluating(Trainer trainer)
    {
    }

    /// <summary>After the model was measured on the validation data; callbacks are called in reverse order here.</summary>
    public virtual void Evaluated(Trainer trainer, Measurement measurement)
    {
    }

    /// <summary>After the last step and evaluation.</summary>
    public virtual void Finished(Trainer trainer)
    {
    }

    /// <summary>What it remembers, by name.</summary>
    public virtual IEnumerable<(string Name, Tensor Value)> State() => [];

    /// <summary>Takes up what <see cref="State"/> gave in a run that was killed; tensors are its to keep.</summary>
    public virtual void LoadState(IReadOnlyDictionary<string, Tensor> state)
    {
    }
}
