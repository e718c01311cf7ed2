using System.Text.Json.Nodes;

namespace Coppice.Cli.Comparison;

/// <summary>What to measure beyond the files.</summary>
internal sealed record ComparisonSettings(string? Text, int? Context, int? Stride, int? Windows, string? Data, int Rounds, int Seed);

/// <summary>One line of the before/after table.</summary>
internal sealed record ComparisonRow(string What, string Before, string After, string Ratio = "")
{
    /// <summary>A line of two numbers and their ratio after / before.</summary>
    public static ComparisonRow Of(string what, double before, double after, Func<double, string> format) =>
        new(what, format(before), format(after), before == 0 ? "" : $"{after / before:F3}");
}

/// <summary>A part of the study, printed as JSON members, as table rows and as sentences.</summary>
internal interface IComparisonSection
{
    IEnumerable<KeyValuePair<string, JsonNode?>> ToJson();

    IEnumerable<ComparisonRow> Rows();

    IEnumerable<string> Remarks();
}
