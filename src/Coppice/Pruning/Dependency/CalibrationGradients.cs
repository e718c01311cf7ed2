using Coppice.Data;
using Coppice.Tensors.Autograd;
using Coppice.Training;

namespace Coppice.Pruning.Dependency;

/// <summary>Leaves in a model's parameters the gradients of its loss, summed over a few batches, for <see cref="GroupTaylor"/>.</summary>
public static class CalibrationGradients
{
    /// <summary>Runs batches forward and backward, in the mode the model is in; the loss is the mean cross-entropy of each.</summary>
    /// <param name="task">The model and how its logits come about.</param>
    /// <param name="data">Where batches come from: the first ones of epoch 0.</param>
    /// <param name="batches">How many, at least 1; all where there are fewer.</param>
    /// <exception cref="PruningException">A loss is not finite.</exception>
    public static void Accumulate(TrainingTask task, DataLoader data, int batches) => ForEach(task, data, batches, () => { });

    /// <summary>The same; tells when each batch has left its gradients.</summary>
    /// <returns>How many batches there were.</returns>
    internal static int ForEach(TrainingTask task, DataLoader data, int batches, Action done)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        foreach (var (_, parameter) in task.Module.NamedParameters())
            parameter.ZeroGradient();
        var count = 0;
        foreach (var batch in data.Batches(0).Take(batches))
            using (batch)
            {
                using (var tape = new Tape())
                {
                    var loss = task.Forward(batch).CrossEntropy(batch.Targets);
                    if (!float.IsFinite(loss.Item<float>()))
                        throw new PruningException($"The loss of calibration batch {count} is {loss.Item<float>()}; look at the data and the weights.");
                    tape.Backward(loss);
                }
                done();
                count++;
            }
        return count;
    }
}
