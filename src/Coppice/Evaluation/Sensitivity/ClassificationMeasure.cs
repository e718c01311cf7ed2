using Coppice.Data;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>The figure of a classifier that is measured.</summary>
public enum ClassificationMetric
{
    /// <summary>Share of examples classified right.</summary>
    Accuracy,

    /// <summary>Mean of the classes' F1.</summary>
    F1Macro,
}

/// <summary>Accuracy or macro F1 on labelled examples. The loss is its drop: unpruned - pruned.</summary>
public sealed class ClassificationMeasure : IQualityMeasure
{
    private const int BatchSize = 64;

    private readonly ClassificationTask _task;
    private readonly ClassificationMetric _metric;
    private readonly LengthSortedBatches _batches;

    /// <summary>Measures on a task's examples.</summary>
    public ClassificationMeasure(ClassificationTask task, ClassificationMetric metric = ClassificationMetric.Accuracy) =>
        (_task, _metric, _batches) = (task, metric, new(task.Encodings.Select(ids => ids.Length), BatchSize));

    /// <inheritdoc/>
    public string Metric => _metric == ClassificationMetric.Accuracy ? "accuracy" : "f1_macro";

    /// <inheritdoc/>
    public string LossMeaning => $"absolute drop of {Metric}";

    /// <inheritdoc/>
    public int Batches => _batches.Count;

    /// <inheritdoc/>
    public (Tensor Ids, Tensor? Mask) Input(int batch)
    {
        var ids = PaddedIds.Create(_batches[batch].Span, _task.Encodings, length: null, padId: 0, out var lengths);
        return (ids, Padding.TrailingMask(lengths, ids.Shape[1]));
    }

    /// <inheritdoc/>
    public double Measure(Func<int, Tensor> logitsOf, CancellationToken cancellation)
    {
        var classes = new List<int>(_task.Labels.Count);
        for (var i = 0; i < _batches.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var logits = logitsOf(i).AsReadOnlySpan<float>();               // [B, classes]
            for (var row = 0; row < _batches[i].Length; row++)
                classes.Add(Logits.ArgMax(logits.Slice(row * _task.Classifier.Labels, _task.Classifier.Labels)));
        }
        var report = _task.Measure(_batches.InOriginalOrder(classes));
        return _metric == ClassificationMetric.Accuracy ? report.Accuracy : report.F1Macro;
    }

    /// <inheritdoc/>
    public double Loss(double baseline, double quality) => baseline - quality;
}
