using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Tensors;
using Coppice.Training;

namespace Coppice.Recipes;

/// <summary>How good a model is on some data.</summary>
/// <param name="Loss">Mean cross-entropy of the targets, in nats.</param>
/// <param name="Accuracy">Share of the targets that are the likeliest class.</param>
/// <param name="Targets">How many there were: examples of a classifier, tokens of a language model.</param>
/// <param name="F1">Of a classifier: unweighted mean over the classes.</param>
/// <param name="Perplexity">Of a language model: <c>exp(Loss)</c>.</param>
public sealed record Quality(double Loss, double Accuracy, long Targets, double? F1 = null, double? Perplexity = null)
{
    internal static Quality Of(TrainingTask task, TrainingData data, bool classifies, CancellationToken cancellation)
    {
        if (!classifies)
        {
            var measured = Measurement.Of(task, RecipeData.Loader(data), cancellation);
            return new(measured.Loss, measured.Accuracy, measured.Targets, Perplexity: measured.Perplexity);
        }
        var (truth, predicted, classes) = (new List<int>(), new List<int>(), 0);
        // Looks at the logits as they pass, so that the model runs once.
        var watched = task with { Forward = batch => Seen(task.Forward(batch), batch) };
        var result = Measurement.Of(watched, RecipeData.Loader(data), cancellation);
        var metrics = ClassificationMetrics.Compute([.. truth], [.. predicted], classes);
        return new(result.Loss, result.Accuracy, result.Targets, F1: metrics.Macro.F1);

        Tensor Seen(Tensor logits, TrainingBatch batch)
        {
            classes = logits.Shape[1];
            truth.AddRange(Array.ConvertAll(batch.Targets.ToArray<long>(), target => (int)target));
            predicted.AddRange(Array.ConvertAll(logits.ArgMax().ToArray<long>(), target => (int)target));
            return logits;
        }
    }
}
