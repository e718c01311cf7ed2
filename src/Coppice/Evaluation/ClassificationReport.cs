using System.Globalization;
using System.Text;

namespace Coppice.Evaluation;

/// <summary>The scores of a named class, see <see cref="ClassScores"/>.</summary>
public sealed record NamedClassScores(string Name, double Precision, double Recall, double F1, int Support);

/// <summary>A classification's quality as plain data, ready for JSON, and as the table known from scikit-learn.</summary>
/// <param name="Examples">Number of examples.</param>
/// <param name="Accuracy">Correct / all examples.</param>
/// <param name="Classes">Scores per class.</param>
/// <param name="MacroAverage">Unweighted means over the classes.</param>
/// <param name="WeightedAverage">Means weighted by support.</param>
/// <param name="MicroAverage">Scores of the summed counts.</param>
/// <param name="ConfusionMatrix">[classes, classes]: at [t][p] the examples of class t predicted as p.</param>
public sealed record ClassificationReport(
    int Examples,
    double Accuracy,
    IReadOnlyList<NamedClassScores> Classes,
    ClassScores MacroAverage,
    ClassScores WeightedAverage,
    ClassScores MicroAverage,
    int[][] ConfusionMatrix)
{
    private const string Weighted = "weighted avg";

    /// <summary>Unweighted mean of the classes' precision.</summary>
    public double PrecisionMacro => MacroAverage.Precision;

    /// <summary>Unweighted mean of the classes' recall.</summary>
    public double RecallMacro => MacroAverage.Recall;

    /// <summary>Unweighted mean of the classes' F1.</summary>
    public double F1Macro => MacroAverage.F1;

    /// <summary>Reports metrics under the classes' names.</summary>
    /// <exception cref="ArgumentException">There is not one name per class.</exception>
    public static ClassificationReport Create(ClassificationMetrics metrics, IReadOnlyList<string> classNames)
    {
        if (classNames.Count != metrics.Classes.Count)
            throw new ArgumentException(
                $"There are {classNames.Count} names for {metrics.Classes.Count} classes; give one each.", nameof(classNames));
        var classes = metrics.Classes.Zip(classNames, (c, name) => new NamedClassScores(name, c.Precision, c.Recall, c.F1, c.Support));
        return new(
            metrics.Examples, metrics.Accuracy, [.. classes], metrics.Macro, metrics.Weighted, metrics.Micro, metrics.ConfusionMatrix);
    }

    /// <summary>The layout of scikit-learn's classification_report: a row per class, then accuracy, macro and weighted averages.</summary>
    /// <param name="digits">Decimals, 0 to 15.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="digits"/> is out of its range.</exception>
    public string ToText(int digits = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(digits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(digits, 15);
        var width = Math.Max(Math.Max(Classes.Max(c => c.Name.Length), Weighted.Length), digits);
        var text = new StringBuilder();

        void Row(string name, string precision, string recall, string f1, string support) =>
            text.Append($"{name.PadLeft(width)}  {precision,9} {recall,9} {f1,9} {support,9}\n");

        void Scores(string name, double precision, double recall, double f1, int support) =>
            Row(name, Fixed(precision, digits), Fixed(recall, digits), Fixed(f1, digits), support.ToString(CultureInfo.InvariantCulture));

        Row("", "precision", "recall", "f1-score", "support");
        text.Append('\n');
        foreach (var c in Classes)
            Scores(c.Name, c.Precision, c.Recall, c.F1, c.Support);
        text.Append('\n');
        Row("accuracy", "", "", Fixed(Accuracy, digits), Examples.ToString(CultureInfo.InvariantCulture));
        Scores("macro avg", MacroAverage.Precision, MacroAverage.Recall, MacroAverage.F1, MacroAverage.Support);
        Scores(Weighted, WeightedAverage.Precision, WeightedAverage.Recall, WeightedAverage.F1, WeightedAverage.Support);
        return text.ToString();
    }

    // Exact halves such as 0.625 round to even, as in Python.
    private static string Fixed(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);
}
