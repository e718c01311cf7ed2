using System.Text.Json.Nodes;
using Coppice.Evaluation.Sensitivity;
using Coppice.Pruning;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary>A sensitivity study as JSON, as a table, and as the command that applies its suggestion.</summary>
/// <param name="Model">The model's folder.</param>
/// <param name="Data">The file it was measured on.</param>
/// <param name="Result">The curves.</param>
/// <param name="Suggestion">Ratios within the budget.</param>
/// <param name="RatiosFile">Where the ratios were written for prune, if anywhere.</param>
internal sealed record SensitivityReport(
    string Model, string Data, SensitivityResult Result, RatioSuggestion Suggestion, string? RatiosFile)
{
    private IEnumerable<SensitivityCurve> MostSensitiveFirst => Result.Curves.OrderByDescending(curve => curve.LargestLoss);

    /// <summary>The suggested ratios as options of prune, one a line; groups that are to be kept whole are left out.</summary>
    public string RatioLines() => string.Concat(RatioOptions().Select(option => option + "\n"));

    public JsonObject ToJson() => new()
    {
        ["model"] = Model,
        ["data"] = Data,
        ["metric"] = Result.Metric,
        ["loss"] = Result.LossMeaning,
        ["baseline"] = Result.Baseline,
        ["groups"] = new JsonArray([.. MostSensitiveFirst.Select(curve => new JsonObject
        {
            ["name"] = curve.Group,
            ["weights"] = new JsonArray([.. curve.Weights.Select(name => JsonValue.Create(name))]),
            ["elements"] = curve.Elements,
            ["points"] = new JsonArray([.. curve.Points.Select(point => new JsonObject
            {
                ["amount"] = point.Ratio,
                ["quality"] = point.Quality,
                ["loss"] = point.Loss,
            })]),
        })]),
        ["suggestion"] = new JsonObject
        {
            ["budget"] = Suggestion.Budget,
            ["quality"] = Suggestion.Quality,
            ["loss"] = Suggestion.Loss,
            ["planned_loss"] = Suggestion.PlannedLoss,
            ["shrink"] = Suggestion.Shrink,
            ["scope_sparsity"] = Suggestion.ScopeSparsity,
            ["model_sparsity"] = Suggestion.ModelSparsity,
            ["ratios"] = new JsonObject(Suggestion.Ratios.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
            ["command"] = Command(),
        },
    };

    public void Show(Terminal terminal)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("group").AddColumn(new TableColumn("elements").RightAligned());
        foreach (var point in Result.Curves[0].Points)
            table.AddColumn(new TableColumn($"{point.Ratio * 100:0.##} %").RightAligned());
        table.AddColumn(new TableColumn("suggested").RightAligned());
        foreach (var curve in MostSensitiveFirst)
            table.AddRow([Markup.Escape(curve.Group), $"{curve.Elements:N0}", .. curve.Points.Select(point => $"{point.Quality:F4}"),
                $"{Suggestion.Ratios[curve.Group] * 100:F1} %"]);
        terminal.Line($"{Result.Metric} when one group alone is pruned, most sensitive first; unpruned {Result.Baseline:F4}");
        terminal.Show(table);
        ShowSuggestion(terminal);
    }

    private void ShowSuggestion(Terminal terminal)
    {
        terminal.Line($"suggested for a budget of {Suggestion.Budget:0.####} ({Result.LossMeaning}): "
            + $"all together, measured {Result.Metric} {Suggestion.Quality:F4}, loss {Suggestion.Loss:F4}");
        terminal.Line($"sparsity of the groups {Reports.Percent(Suggestion.ScopeSparsity)}, "
            + $"of the whole model {Reports.Percent(Suggestion.ModelSparsity)}");
        if (Suggestion.Shrink < 1)
            terminal.Line("(the ratios planned as if losses added up broke the budget together, "
                + $"so they were multiplied by {Suggestion.Shrink:F3})");
        terminal.Line(Command() is { } command
            ? $"apply it: {command}"
            : "no group can be pruned within the budget; give a larger --budget or smaller --amounts.");
    }

    /// <summary>The command that applies the suggestion; null where nothing is to be pruned.</summary>
    private string? Command()
    {
        var options = RatioOptions().ToList();
        if (options.Count == 0)
            return null;
        return $"coppice prune {Quote(Model)} -o OUT " + (RatiosFile is null ? string.Join(' ', options) : Quote("@" + RatiosFile));
    }

    private IEnumerable<string> RatioOptions() => Suggestion.Ratios.Where(entry => entry.Value > 0)
        .Select(entry => "--ratio " + Quote(new WeightAmount(entry.Key, PruneAmount.Fraction(entry.Value)).ToString()));

    private static string Quote(string word) => word.AsSpan().ContainsAny(" *?") ? $"\"{word}\"" : word;
}
