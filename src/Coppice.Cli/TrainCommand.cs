using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Coppice.Recipes;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice train</c>: runs a recipe, goes on with one that was stopped, shows what it will do, or repeats a run and compares.</summary>
internal static class TrainCommand
{
    private static readonly Argument<string> Path = new("RECIPE") { Description = "The recipe, a JSON file; with --verify the lock.json of a run." };
    private static readonly Option<string?> Output = new("--output", "-o")
    {
        Description = "Folder of the run (default: the recipe's output). Give the same again to go on with a run that was stopped.",
    };
    private static readonly Option<string[]> Set = new("--set") { Description = "NAME=VALUE: another value for a variable of the recipe; repeatable." };
    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Check the recipe and show what each stage will do, with an estimate of time and memory; nothing is written.",
    };
    private static readonly Option<bool> Verify = new("--verify")
    {
        Description = "Run again into a temporary folder and compare; exit code 3 if anything differs.",
    };

    private static readonly Mode Repeating = new("--verify, which repeats a run as it was", Verify);

    public static Command Create()
    {
        var command = new Command("train", Arguments.WithExample(
            "Train, prune, fine-tune or distil a model as a recipe says (see docs/recipes.md). A run that is stopped goes on when started again.",
            "coppice train recipes/quickstart.json -o out",
            "coppice train recipes/resnet20-gradual.json --set amount=0.9 -o out --dry-run",
            "coppice train --verify out/lock.json"))
        {
            Path, Output, Set, DryRun, Verify,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (parsed.GetValue(Verify))
            return Task.FromResult(Compare(parsed, terminal, cancellation));
        var file = RecipeFile.Read(parsed.GetRequiredValue(Path), Settings(parsed));
        if (parsed.GetResult(CommonOptions.Seed) is { Implicit: false })
            file = file with { Recipe = file.Recipe with { Seed = parsed.GetValue(CommonOptions.Seed) } };
        var output = parsed.GetValue(Output) ?? file.OutputFolder
            ?? throw new UsageException("The recipe names no output; give -o FOLDER.");
        var run = terminal.Busy("reading model and data", () => RecipeRun.Prepare(file, output));
        if (parsed.GetValue(DryRun))
            Show(terminal, terminal.Busy("trying the first steps", () => run.Plan(cancellation)));
        else
            Run(terminal, run, output, cancellation);
        return Task.FromResult(ExitCode.Done);
    }

    private static Dictionary<string, string> Settings(ParseResult parsed)
    {
        var settings = new Dictionary<string, string>();
        foreach (var text in parsed.GetValue(Set) ?? [])
        {
            var sign = text.IndexOf('=', StringComparison.Ordinal);
            if (sign < 1)
                throw new UsageException($"--set {text}: write NAME=VALUE, such as amount=0.9.");
            settings[text[..sign]] = text[(sign + 1)..];
        }
        return settings;
    }

    private static void Run(Terminal terminal, RecipeRun run, string output, CancellationToken cancellation)
    {
        if (run.Resumes)
            terminal.Note($"Going on with the run in {output}.");
        RunLock result;
        try
        {
            result = terminal.Steps(report => run.Run(progress => report(ProgressLine.Of(progress)), cancellation));
        }
        catch (OperationCanceledException)
        {
            throw new StoppedException($"stopped; the state is kept in {output}. Run the same command again to go on.");
        }
        terminal.Result(
            () => new JsonObject
            {
                ["output"] = output,
                ["seed"] = result.Seed,
                ["stages"] = new JsonArray([.. result.Reports.Select(ToJson)]),
                ["outputs"] = new JsonObject(result.Outputs.Select(file => KeyValuePair.Create<string, JsonNode?>(file.Key, file.Value))),
            },
            () =>
            {
                terminal.Show(Table(result.Reports));
                foreach (var report in result.Reports)
                    if (report.Cut is { } cut)
                        terminal.Line($"{report.Stage} {report.Type}: {InWords(cut)}");
                terminal.Line($"Written to {output}: {string.Join(", ", result.Outputs.Keys)}, metrics.jsonl, lock.json.");
            });
    }

    private static string InWords(CutReport cut) => (cut.Layers is { } layers ? $"layers {layers} left out; " : "")
        + $"multiply-accumulates {cut.MacsBefore:N0} -> {cut.MacsAfter:N0}, parameters {cut.ParametersBefore:N0} -> {cut.ParametersAfter:N0}"
        + (cut.MillisecondsAfter is { } time ? $", median time of one example {cut.MillisecondsBefore:F2} -> {time:F2} ms" : "");

    private static JsonObject ToJson(StageReport report) => new()
    {
        ["stage"] = report.Stage,
        ["type"] = report.Type,
        ["loss"] = report.Quality?.Loss,
        ["accuracy"] = report.Quality?.Accuracy,
        ["f1_macro"] = report.Quality?.F1,
        ["perplexity"] = report.Quality?.Perplexity,
        ["sparsity_in_scope"] = report.SparsityInScope,
        ["sparsity"] = report.Sparsity,
        ["macs"] = report.Cut is { } cut ? new JsonObject { ["before"] = cut.MacsBefore, ["after"] = cut.MacsAfter } : null,
        ["parameters"] = report.Cut is { } of ? new JsonObject { ["before"] = of.ParametersBefore, ["after"] = of.ParametersAfter } : null,
        ["layers_removed"] = report.Cut?.Layers,
        ["latency_ms"] = report.Cut is { MillisecondsAfter: { } time, MillisecondsBefore: { } before }
            ? new JsonObject { ["before"] = before, ["after"] = time }
            : null,
    };

    private static Table Table(IReadOnlyList<StageReport> reports)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("stage").AddColumn(Right("loss")).AddColumn(Right("accuracy"))
            .AddColumn(Right("F1")).AddColumn(Right("perplexity")).AddColumn(Right("sparsity in scope")).AddColumn(Right("of the model"));
        foreach (var report in reports)
            table.AddRow(report.Stage is { } stage ? $"{stage} {report.Type}" : report.Type, Number(report.Quality?.Loss, "F4"),
                Number(report.Quality?.Accuracy, "P2"), Number(report.Quality?.F1, "F4"), Number(report.Quality?.Perplexity, "F3"),
                Number(report.SparsityInScope, "P2"), Number(report.Sparsity, "P2"));
        return table;
    }

    private static TableColumn Right(string title) => new TableColumn(title).RightAligned();

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";

    private static void Show(Terminal terminal, RecipePlan plan) => terminal.Result(
        () => new JsonObject
        {
            ["parameters"] = plan.Parameters,
            ["estimated_seconds"] = Math.Round(plan.Seconds, 1),
            ["peak_bytes"] = plan.PeakBytes,
            ["stages"] = new JsonArray([.. plan.Stages.Select(stage => new JsonObject
            {
                ["stage"] = stage.Stage,
                ["type"] = stage.Type,
                ["description"] = stage.Description,
                ["steps"] = stage.Steps,
                ["epochs"] = stage.Epochs,
                ["seconds_per_step"] = stage.SecondsPerStep,
            })]),
        },
        () =>
        {
            terminal.Line($"{plan.Parameters:N0} parameters");
            foreach (var stage in plan.Stages)
                terminal.Line($"{stage.Stage} {stage.Type}: "
                    + (stage.Steps is { } steps ? $"{steps:N0} steps ({stage.Epochs:0.##} epochs), {stage.SecondsPerStep:0.000} s each; " : "")
                    + stage.Description);
            terminal.Line($"about {Duration(TimeSpan.FromSeconds(plan.Seconds))} of training, without measuring"
                + (plan.PeakBytes is { } bytes ? $"; {Reports.Bytes(bytes)} of memory" : ""));
        });

    private static string Duration(TimeSpan time) => time.TotalMinutes < 2 ? $"{time.TotalSeconds:F0} s"
        : time.TotalHours < 2 ? $"{time.TotalMinutes:F0} min" : $"{time.TotalHours:F1} h";

    private static int Compare(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        Repeating.RefuseOthers(parsed);
        if (Mode.IsGiven(CommonOptions.Seed, parsed))
            throw new UsageException($"{CommonOptions.Seed.Name} does not go with {Repeating.Name}; leave it out.");
        var verification = terminal.Steps(report =>
            RunVerification.Of(parsed.GetRequiredValue(Path), progress => report(ProgressLine.Of(progress)), cancellation));
        terminal.Result(
            () => new JsonObject
            {
                ["verified"] = verification.Differences.Count == 0,
                ["differences"] = new JsonArray([.. verification.Differences.Select(text => (JsonNode)text)]),
            },
            () => terminal.Line(verification.Differences.Count == 0
                ? $"The same: {verification.Outputs} files and every measurement."
                : string.Join('\n', verification.Differences)));
        return verification.Differences.Count == 0 ? ExitCode.Done : ExitCode.Refused;
    }
}
