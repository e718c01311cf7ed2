using Coppice.Data;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Evaluation;

/// <summary>What a classifier made of some examples, in their order.</summary>
/// <param name="Classes">The likeliest class of each.</param>
/// <param name="Logits">All logits of each.</param>
public sealed record Predictions(int[] Classes, float[][] Logits);

/// <summary>Runs text classifiers over labelled examples.</summary>
public static class ClassifierEvaluation
{
    /// <summary>Classifies every example.</summary>
    /// <param name="classifier">Sorts token sequences.</param>
    /// <param name="encodings">Token ids of each example, without padding.</param>
    /// <param name="batchSize">Examples run together; those of similar length share a batch, so little padding is computed.</param>
    /// <param name="progress">Told the examples done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public static Predictions Predict(ITextClassifier classifier, IReadOnlyList<int[]> encodings, int batchSize = 64,
        IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var batches = new LengthSortedBatches(encodings.Select(ids => ids.Length), batchSize);
        var predicted = new List<float[]>(encodings.Count);
        foreach (var batch in batches)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var ids = PaddedIds.Create(batch.Span, encodings, length: null, padId: 0, out var lengths);
            var logits = classifier.Forward(ids, lengths).AsReadOnlySpan<float>();  // [B, classes]
            for (var row = 0; row < batch.Length; row++)
                predicted.Add(logits.Slice(row * classifier.Labels, classifier.Labels).ToArray());
            progress?.Report(predicted.Count);
        }
        var rows = batches.InOriginalOrder(predicted);
        return new([.. rows.Select(row => Logits.ArgMax(row))], rows);
    }
}
