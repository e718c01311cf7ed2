using System.Text.Json.Nodes;
using Coppice.Evaluation;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary>Results that several verbs print, as JSON and for people.</summary>
internal static class Reports
{
    /// <summary>Members named as in scikit-learn's report.</summary>
    public static JsonObject ToJson(ClassificationReport report) => new()
    {
        ["examples"] = report.Examples,
        ["accuracy"] = report.Accuracy,
        ["precision_macro"] = report.PrecisionMacro,
        ["recall_macro"] = report.RecallMacro,
        ["f1_macro"] = report.F1Macro,
        ["f1_weighted"] = report.WeightedAverage.F1,
        ["classes"] = new JsonArray([.. report.Classes.Select(c => new JsonObject
        {
            ["name"] = c.Name,
            ["precision"] = c.Precision,
            ["recall"] = c.Recall,
            ["f1"] = c.F1,
            ["support"] = c.Support,
        })]),
        ["confusion_matrix"] = new JsonArray([.. report.ConfusionMatrix.Select(row => new JsonArray([.. row.Select(n => JsonValue.Create(n))]))]),
    };

    /// <summary>A number before and after, and what share of it is left.</summary>
    public static string Change(long before, long after) =>
        $"{before:N0} -> {after:N0} ({Percent(before == 0 ? 1 : (double)after / before)})";

    /// <summary>The report and the confusion matrix.</summary>
    public static void Show(Terminal terminal, ClassificationReport report)
    {
        terminal.Line(report.ToText(digits: 4));
        var table = new Table().Title("confusion matrix (rows: truth, columns: predicted)").Border(TableBorder.Simple).AddColumn("");
        foreach (var c in report.Classes)
            table.AddColumn(new TableColumn(Markup.Escape(c.Name)).RightAligned());
        for (var row = 0; row < report.Classes.Count; row++)
            table.AddRow([Markup.Escape(report.Classes[row].Name), .. report.ConfusionMatrix[row].Select(n => n.ToString())]);
        terminal.Show(table);
    }

    /// <summary>A size for people: <c>11.2 MB</c>.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => $"{bytes / (double)(1L << 30):F2} GB",
        >= 1L << 20 => $"{bytes / (double)(1L << 20):F2} MB",
        >= 1L << 10 => $"{bytes / (double)(1L << 10):F1} kB",
        _ => $"{bytes} B",
    };

    /// <summary>A fraction for people: <c>30.00 %</c>.</summary>
    public static string Percent(double fraction) => $"{fraction * 100:F2} %";
}
