using Coppice.Data;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Training;

/// <summary>Quality of a model on some data.</summary>
/// <param name="Loss">Mean cross-entropy of the targets, in nats.</param>
/// <param name="Accuracy">Share of the targets that are the likeliest class.</param>
/// <param name="Targets">How many there were.</param>
public sealed record Measurement(double Loss, double Accuracy, long Targets)
{
    /// <summary><c>exp(Loss)</c>, the usual figure of language models.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>Runs a task over all data, in evaluation mode and without a tape; the mode is put back.</summary>
    public static Measurement Of(TrainingTask task, DataLoader data, CancellationToken cancellation = default)
    {
        var wasTraining = task.Module.IsTraining;
        task.Module.Train(false);
        using var paused = Tape.Pause();
        try
        {
            var (loss, correct, count) = (0.0, 0L, 0L);
            foreach (var batch in data.InOrder())
            {
                cancellation.ThrowIfCancellationRequested();
                using var recycled = batch;
                using var scope = new TensorScope();
                var logits = task.Forward(batch);
                loss += logits.CrossEntropy(batch.Targets).Item<float>() * (double)batch.Targets.Count;
                correct += Correct(logits, batch.Targets);
                count += batch.Targets.Count;
            }
            return new(loss / count, (double)correct / count, count);
        }
        finally
        {
            task.Module.Train(wasTraining);
        }
    }

    /// <summary>How many targets [N] are the likeliest class of their row of logits [N, classes].</summary>
    internal static long Correct(Tensor logits, Tensor targets)
    {
        using var scope = new TensorScope();
        var likeliest = logits.ArgMax().AsReadOnlySpan<long>();
        var right = targets.AsReadOnlySpan<long>();
        var correct = 0L;
        for (var i = 0; i < right.Length; i++)
            if (likeliest[i] == right[i])
                correct++;
        return correct;
    }
}
