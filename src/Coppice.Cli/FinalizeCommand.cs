using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Pruning.Streaming;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice finalize</c>: makes masks that were saved with a checkpoint permanent.</summary>
internal static class FinalizeCommand
{
    private static readonly Argument<string> Path = Arguments.Path();

    public static Command Create()
    {
        var command = new Command("finalize", Arguments.WithExample(
            "Make left-over masks permanent: each pair X_orig, X_mask becomes one tensor X.", "coppice finalize masked -o pruned"))
        {
            Path, SavingOptions.Output, SavingOptions.Semantics, SavingOptions.Format, SavingOptions.Overwrite,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var output = parsed.GetValue(SavingOptions.Output) ?? throw new UsageException("Say where to write with -o OUT.");
        SavingOptions.RefuseExisting(output, "-o", parsed);
        using var checkpoint = Checkpoint.Open(parsed.GetRequiredValue(Path));
        var result = terminal.Busy("reading masks", () => MaskFinalizer.Finalize(checkpoint.Tensors, SavingOptions.SemanticsOf(parsed)));
        foreach (var warning in result.Warnings)
            terminal.Warn(warning);
        SavingOptions.Save(parsed, terminal, checkpoint, options => checkpoint.Save(output, result.Changes, options, cancellation));
        terminal.Result(() => ToJson(result, output), () => Show(terminal, result, output));
        return Task.FromResult(ExitCode.Done);
    }

    private static JsonObject ToJson(FinalizeResult result, string output) => new()
    {
        ["output"] = output,
        ["sparsity"] = result.Sparsity,
        ["warnings"] = new JsonArray([.. result.Warnings.Select(warning => JsonValue.Create(warning))]),
        ["tensors"] = new JsonArray([.. result.Weights.Select(weight => new JsonObject
        {
            ["name"] = weight.Source.Name,
            ["shape"] = new JsonArray([.. weight.Source.Shape.Select(size => JsonValue.Create(size))]),
            ["masked"] = weight.Masked,
            ["zeros_before"] = weight.ZerosBefore,
            ["zeros_after"] = weight.Zeros,
            ["sparsity"] = weight.Sparsity,
        })]),
    };

    private static void Show(Terminal terminal, FinalizeResult result, string output)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("weight").AddColumn("shape")
            .AddColumn(new TableColumn("masked").RightAligned()).AddColumn(new TableColumn("zeros").RightAligned())
            .AddColumn(new TableColumn("sparsity").RightAligned());
        foreach (var weight in result.Weights)
            table.AddRow(Markup.Escape(weight.Source.Name), Markup.Escape(weight.Source.Shape.ToString()), $"{weight.Masked:N0}",
                $"{weight.Zeros:N0}", Reports.Percent(weight.Sparsity));
        terminal.Show(table);
        terminal.Line($"{result.Weights.Count} masks made permanent, sparsity of these weights {Reports.Percent(result.Sparsity)}");
        terminal.Line($"saved: {output}");
    }
}
