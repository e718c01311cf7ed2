namespace Coppice.Evaluation;

/// <summary>How well one class, or an average over classes, was predicted. Where a denominator is 0 the value is 0.</summary>
/// <param name="Precision">True positives / predicted as this class.</param>
/// <param name="Recall">True positives / truly this class.</param>
/// <param name="F1">2 * true positives / (predicted + truly this class), the harmonic mean of precision and recall.</param>
/// <param name="Support">Examples truly of this class; for an average, all examples.</param>
public sealed record ClassScores(double Precision, double Recall, double F1, int Support)
{
    internal static ClassScores FromCounts(int truePositives, int predicted, int support) => new(
        Ratio(truePositives, predicted), Ratio(truePositives, support), F1FromCounts(truePositives, predicted, support), support);

    internal static double F1FromCounts(int truePositives, int predicted, int support) =>
        Ratio(2.0 * truePositives, (double)predicted + support);

    private static double Ratio(double part, double whole) => whole == 0 ? 0 : part / whole;
}
