using Coppice.Data;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Tensors;

namespace Coppice.Evaluation;

/// <summary>Runs image classifiers over labelled images.</summary>
public static class ImageClassification
{
    private const int BatchSize = 100;

    /// <summary>Classifies every image, normalised as the architecture is usually trained.</summary>
    /// <param name="model">The classifier; it is run as it is, in training or evaluation.</param>
    /// <param name="data">The images.</param>
    /// <param name="progress">Told the images done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ModelException">The images are not of the architecture's size.</exception>
    public static Predictions Predict(PretrainedVisionModel model, ImageData data, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        var expected = model.Architecture;
        if ((data.Channels, data.Height, data.Width) != (expected.Channels, expected.Size, expected.Size))
            throw new ModelException($"The images are {data.Channels} x {data.Height} x {data.Width}; the model takes "
                + $"{expected.Channels} x {expected.Size} x {expected.Size}. Give the data it was trained for.");
        return Predict(model.Classifier, new ImageTrainingData(data, expected.Mean, expected.Std), progress, cancellation);
    }

    /// <summary>Classifies every image.</summary>
    /// <param name="classifier">The classifier; it is run as it is, in training or evaluation.</param>
    /// <param name="data">The images as it sees them.</param>
    /// <param name="progress">Told the images done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public static Predictions Predict(ImageClassifier classifier, TrainingData data, IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        var rows = new List<float[]>(data.Count);
        var loader = new DataLoader(data, new() { BatchSize = BatchSize });
        foreach (ImageBatch batch in loader.InOrder())
        {
            using var memory = batch;
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            rows.AddRange(classifier.Forward(batch.Images).ToArray<float>().Chunk(classifier.Labels));
            progress?.Report(rows.Count);
        }
        return new([.. rows.Select(row => Logits.ArgMax(row))], [.. rows]);
    }

    /// <summary>Quality of some predictions.</summary>
    /// <exception cref="ModelException">The data has more classes than the model.</exception>
    public static ClassificationReport Measure(ImageClassifier model, ImageData data, int[] predicted)
    {
        var labels = model.Labels;
        if (data.ClassNames.Count > labels)
            throw new ModelException($"The data has {data.ClassNames.Count} classes; the model tells {labels} apart.");
        var named = data.ClassNames.Count;
        string[] names = [.. data.ClassNames, .. Enumerable.Range(named, labels - named).Select(i => $"class {i}")];
        return ClassificationReport.Create(ClassificationMetrics.Compute([.. data.Labels], predicted, labels), names);
    }
}
