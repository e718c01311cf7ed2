namespace Coppice.Evaluation;

/// <summary>Whether a model changed a classification's quality, judged on the same examples before and after.</summary>
/// <param name="McNemar">Test of equal accuracy.</param>
/// <param name="Accuracy">Accuracy after minus before, with its paired bootstrap interval.</param>
/// <param name="MacroF1">Macro F1 after minus before, with its paired bootstrap interval.</param>
public sealed record PairedDifference(McNemarTest McNemar, DifferenceInterval Accuracy, DifferenceInterval MacroF1)
{
    private const int Resamples = 2000;

    /// <summary>Compares two sets of predictions. The same seed gives the same intervals on every machine.</summary>
    /// <param name="truth">[examples]: the right classes.</param>
    /// <param name="before">[examples]: the classes predicted before.</param>
    /// <param name="after">[examples]: the classes predicted after.</param>
    /// <param name="classCount">Number of classes, 1 to 4096.</param>
    /// <param name="seed">Starts the resampling, 2,000 times over all examples.</param>
    /// <exception cref="ArgumentException">There are no examples, the lengths differ, or a class is not in 0..classCount-1.</exception>
    public static PairedDifference Compute(
        ReadOnlySpan<int> truth, ReadOnlySpan<int> before, ReadOnlySpan<int> after, int classCount, ulong seed = 0)
    {
        ClassificationMetrics.CheckClasses(truth, classCount, nameof(truth));
        ClassificationMetrics.CheckClasses(before, classCount, nameof(before));
        ClassificationMetrics.CheckClasses(after, classCount, nameof(after));
        if (truth.Length != before.Length || truth.Length != after.Length)
            throw new ArgumentException(
                $"There are {truth.Length} true, {before.Length} before and {after.Length} after classes; give each example all three.",
                nameof(after));
        int onlyBefore = 0, onlyAfter = 0;
        for (var i = 0; i < truth.Length; i++)
        {
            var (rightBefore, rightAfter) = (before[i] == truth[i], after[i] == truth[i]);
            onlyBefore += rightBefore && !rightAfter ? 1 : 0;
            onlyAfter += rightAfter && !rightBefore ? 1 : 0;
        }
        var bootstrap = new PairedBootstrap(truth.ToArray(), before.ToArray(), after.ToArray(), classCount);
        var (accuracy, macroF1) = bootstrap.Run(seed, Resamples);
        return new PairedDifference(McNemarTest.Compute(onlyBefore, onlyAfter), accuracy, macroF1);
    }
}
