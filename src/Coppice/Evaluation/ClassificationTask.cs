using Coppice.Data;
using Coppice.Models;
using Coppice.Tokenizers;

namespace Coppice.Evaluation;

/// <summary>Labelled examples, tokenised as one model sees them.</summary>
public sealed class ClassificationTask
{
    private ClassificationTask(ITextClassifier classifier, IReadOnlyList<int[]> encodings, LabeledText data)
    {
        (Classifier, Encodings) = (classifier, encodings);
        Labels = [.. data.Examples.Select(example => example.Label)];
        Classes = [.. data.ClassNames, .. Enumerable.Range(data.ClassCount, classifier.Labels - data.ClassCount).Select(i => $"class {i}")];
    }

    /// <summary>The right class of each example.</summary>
    public IReadOnlyList<int> Labels { get; }

    /// <summary>Names of the classes the model tells apart, by number.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The model.</summary>
    public ITextClassifier Classifier { get; }

    /// <summary>Token ids of each example, without padding.</summary>
    public IReadOnlyList<int[]> Encodings { get; }

    /// <summary>Opens a model's folder and a file of labelled examples, and tokenises them: cut to <c>pad_size</c> of config.json or the model's
    /// longest sequence.</summary>
    /// <exception cref="ArgumentException">The file has more classes than the model.</exception>
    public static ClassificationTask Open(string folder, string dataPath) => Open(PretrainedModel.Open(folder), dataPath);

    /// <summary>Tokenises a file of labelled examples for an opened model, as <see cref="Open(string, string)"/> does.</summary>
    /// <exception cref="ArgumentException">The file has more classes than the model.</exception>
    public static ClassificationTask Open(PretrainedModel model, string dataPath)
    {
        var classifier = model.TextClassifier;
        var data = LabeledText.Read(dataPath);
        if (data.ClassCount > classifier.Labels)
            throw new ArgumentException($"{dataPath} has {data.ClassCount} classes; the model in {model.Folder} tells {classifier.Labels} apart.");
        return new(classifier, data.Encode(Tokenizer.FromFolder(model.Folder), classifier.UsualLength), data);
    }

    /// <summary>Classifies every example.</summary>
    /// <param name="progress">Told the examples done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public Predictions Predict(IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        ClassifierEvaluation.Predict(Classifier, Encodings, progress: progress, cancellation: cancellation);

    /// <summary>Quality of some predictions.</summary>
    public ClassificationReport Measure(int[] predicted) =>
        ClassificationReport.Create(ClassificationMetrics.Compute([.. Labels], predicted, Classes.Count), Classes);
}
