using Coppice.Data;

namespace Coppice.Evaluation;

/// <summary>Accuracy, precision, recall, F1 and the confusion matrix of single-label classification.</summary>
/// <remarks>
/// As scikit-learn's precision_recall_fscore_support with labels = 0..classCount-1 and zero_division = 0: a class that occurs neither in
/// the truth nor in the predictions counts in the averages, with 0.
/// </remarks>
public sealed class ClassificationMetrics
{
    private ClassificationMetrics(int[][] confusion)
    {
        ConfusionMatrix = confusion;
        var classes = new ClassScores[confusion.Length];
        for (var c = 0; c < classes.Length; c++)
            classes[c] = ClassScores.FromCounts(confusion[c][c], confusion.Sum(row => row[c]), confusion[c].Sum());
        Classes = classes;
        Examples = classes.Sum(c => c.Support);
        Accuracy = (double)Enumerable.Range(0, classes.Length).Sum(c => confusion[c][c]) / Examples;
        Macro = Average(_ => 1, classes.Length);
        Weighted = Average(c => c.Support, Examples);
    }

    /// <summary>Number of examples.</summary>
    public int Examples { get; }

    /// <summary>Correct / all examples.</summary>
    public double Accuracy { get; }

    /// <summary>Scores of each class.</summary>
    public IReadOnlyList<ClassScores> Classes { get; }

    /// <summary>The unweighted mean of the classes' scores.</summary>
    public ClassScores Macro { get; }

    /// <summary>The mean of the classes' scores, weighted by support.</summary>
    public ClassScores Weighted { get; }

    /// <summary>Scores of the counts summed over all classes. With one label per example all three equal the accuracy.</summary>
    public ClassScores Micro => new(Accuracy, Accuracy, Accuracy, Examples);

    /// <summary>[classes, classes]: at [t][p] the examples of class t predicted as p.</summary>
    public int[][] ConfusionMatrix { get; }

    /// <summary>Counts and scores predictions.</summary>
    /// <param name="truth">[examples]: the right classes.</param>
    /// <param name="predicted">[examples]: the predicted classes.</param>
    /// <param name="classCount">Number of classes, 1 to 4096.</param>
    /// <exception cref="ArgumentException">There are no examples, the lengths differ, or a class is not in 0..classCount-1.</exception>
    public static ClassificationMetrics Compute(ReadOnlySpan<int> truth, ReadOnlySpan<int> predicted, int classCount)
    {
        CheckClasses(truth, classCount, nameof(truth));
        CheckClasses(predicted, classCount, nameof(predicted));
        if (truth.Length != predicted.Length)
            throw new ArgumentException(
                $"There are {truth.Length} true and {predicted.Length} predicted classes; give one each per example.", nameof(predicted));
        var confusion = new int[classCount][];
        for (var c = 0; c < classCount; c++)
            confusion[c] = new int[classCount];
        for (var i = 0; i < truth.Length; i++)
            confusion[truth[i]][predicted[i]]++;
        return new ClassificationMetrics(confusion);
    }

    /// <summary>Throws unless there is at least one class number and all are in 0..classCount-1.</summary>
    internal static void CheckClasses(ReadOnlySpan<int> classes, int classCount, string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(classCount, LabeledText.MaxClasses);
        if (classes.IsEmpty)
            throw new ArgumentException("There are no examples to score.", name);
        var wrong = classes.IndexOfAnyExceptInRange(0, classCount - 1);
        if (wrong >= 0)
            throw new ArgumentException(
                $"Example {wrong} has class {classes[wrong]}; with {classCount} classes it must be 0 to {classCount - 1}.", name);
    }

    private ClassScores Average(Func<ClassScores, int> weight, int total) => new(
        Classes.Sum(c => weight(c) * c.Precision) / total,
        Classes.Sum(c => weight(c) * c.Recall) / total,
        Classes.Sum(c => weight(c) * c.F1) / total,
        Examples);
}
