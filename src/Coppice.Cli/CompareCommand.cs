using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Cli.Comparison;
using Coppice.Cli.Structural;
using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Onnx;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice compare</c>: the before/after study.</summary>
internal static class CompareCommand
{
    private static readonly Argument<string> Before = Arguments.Path("BEFORE");
    private static readonly Argument<string> After = Arguments.Path("AFTER");
    private static readonly Option<string?> Text = Arguments.Text();
    private static readonly Option<int?> Context = Arguments.Context();
    private static readonly Option<int?> Stride = Arguments.Stride();
    private static readonly Option<int?> Windows = Arguments.Windows();
    private static readonly Option<string?> Data = Arguments.Data();
    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "Speed measurements of each, taken in turns.",
        DefaultValueFactory = _ => 15,
    };

    private static readonly string Runnables = $"folders with a config.json of {string.Join(", ", ModelRegistry.Known)}, ONNX files, or files of "
        + "weights with --arch";

    private static readonly string WhyFiles = $"these are not two models that Coppice can run, which are {Runnables}";

    private static readonly Mode OfFiles = new("checkpoints that are compared as files") { Advice = $", or compare models that Coppice can run: {Runnables}" };

    private static readonly Mode OfOnnx = new("ONNX files", Rounds, StructuralOptions.Input, Data, PixelOptions.Mean, PixelOptions.Std);
    private static readonly Mode OfClassifiers = new("--arch", Rounds, StructuralOptions.Arch, StructuralOptions.Input, Data);
    private static readonly Mode OfOnnxAndAnother = OfOnnx with { Options = [.. OfOnnx.Options, StructuralOptions.Arch] };
    private static readonly Mode OfFolderAndOnnx = new("a folder and an ONNX file", Rounds);
    private static readonly Mode OfLanguageModels = new("language models without --text", Rounds);
    private static readonly Mode OfLanguageModelsOnText = new("language models", Rounds, Text, Context, Stride, Windows);
    private static readonly Mode OfModelsWithoutHead = new("models without a head, whose files are compared");
    private static readonly Mode OfTextClassifiers = new("text classifiers", Rounds, Data);

    public static Command Create()
    {
        var command = new Command("compare", Arguments.WithExample("Compare a model before and after: size, sparsity, speed, memory, outputs, quality.",
            "coppice compare samples/models/gpt2-student pruned --text samples/data/tinyshakespeare-test.txt --windows 20",
            "coppice compare model.onnx smaller.onnx --input 1x3x224x224",
            "coppice compare resnet20.th half.th --arch resnet20 --data test_batch.bin"))
        {
            Before, After, Text, Context, Stride, Windows, Data, Rounds, StructuralOptions.Arch, StructuralOptions.Input, PixelOptions.Mean,
            PixelOptions.Std,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var (before, after) = (parsed.GetRequiredValue(Before), parsed.GetRequiredValue(After));
        if (parsed.GetValue(Rounds) < 1)
            throw new UsageException("--rounds must be 1 or more.");
        var models = IsRun(parsed, before, after) ? null : OpenBoth(before, after);
        var mode = ModeOf(parsed, before, after, models?.Before.Module);
        if (mode == OfFiles)
            RefuseMissing(before, after);
        mode.RefuseOthers(parsed);
        PixelOptions.RefuseUnread(parsed, Weights.IsOnnx(before) || Weights.IsOnnx(after), parsed.GetValue(Data), Data);
        var sections = new List<IComparisonSection> { terminal.Busy("reading both checkpoints", () => Files(before, after, cancellation)) };
        var settings = Settings(parsed);
        sections.AddRange(models switch
        {
            var (first, second) when first.Module is ICausalLanguageModel => LanguageModelSections.Measure(first, second, settings, terminal, cancellation),
            var (first, second) when first.Module is ITextClassifier => ClassifierSections.Measure(first, second, settings, terminal, cancellation),
            var (first, _) => [new NotComparedSection($"a {first.ModelType} without a head neither predicts tokens nor sorts texts")],
            null when mode == OfFiles => [new NotComparedSection(WhyFiles)],
            null when mode == OfFolderAndOnnx => Mixed(before, after, settings, terminal),
            null => RunnableSections.Measure(before, after, settings, parsed, terminal, cancellation),
        });
        terminal.Result(
            () => new JsonObject(sections.SelectMany(section => section.ToJson()).Prepend(new("after", after)).Prepend(new("before", before))),
            () => ShowAll(terminal, sections, before, after));
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>A folder and an ONNX file, as far as they take the same inputs.</summary>
    private static IEnumerable<IComparisonSection> Mixed(string before, string after, ComparisonSettings settings, Terminal terminal)
    {
        try
        {
            var (first, second) = terminal.Busy("tracing both models", () => FolderAndOnnx.Open(before, after));
            return [.. RunnableSections.Measure(first, second, settings, terminal)];
        }
        catch (Exception error) when (error is GraphException or OnnxException)
        {
            return [new NotComparedSection(error.Message.TrimEnd('.'))];
        }
    }

    private static ComparisonSettings Settings(ParseResult parsed) => new(parsed.GetValue(Text), parsed.GetValue(Context), parsed.GetValue(Stride),
        parsed.GetValue(Windows), parsed.GetValue(Data), parsed.GetValue(Rounds), parsed.GetValue(CommonOptions.Seed));

    /// <summary>That a path is wrong is said before that an option is.</summary>
    private static void RefuseMissing(string before, string after)
    {
        using var first = Weights.Open(before);
        using var second = Weights.Open(after);
    }

    private static CheckpointSection Files(string before, string after, CancellationToken cancellation)
    {
        using var first = Weights.Open(before);
        using var second = Weights.Open(after);
        return new(CheckpointComparison.Of(first, second, cancellation), Weights.IsOnnx(before) == Weights.IsOnnx(after));
    }

    private static Mode ModeOf(ParseResult parsed, string before, string after, Module? first) => first switch
    {
        ICausalLanguageModel => parsed.GetValue(Text) is null ? OfLanguageModels : OfLanguageModelsOnText,
        ITextClassifier => OfTextClassifiers,
        { } => OfModelsWithoutHead,
        _ when !IsRun(parsed, before, after) => FolderAndOnnx.Are(before, after) ? OfFolderAndOnnx : OfFiles,
        _ when Weights.IsOnnx(before) && Weights.IsOnnx(after) => OfOnnx,
        _ => Weights.IsOnnx(before) || Weights.IsOnnx(after) ? OfOnnxAndAnother : OfClassifiers,
    };

    /// <summary>Whether both are models that are run on tensors.</summary>
    private static bool IsRun(ParseResult parsed, string before, string after)
    {
        var hasArchitecture = parsed.GetValue(StructuralOptions.Arch) is not null;
        return (Weights.IsOnnx(before) || hasArchitecture) && (Weights.IsOnnx(after) || hasArchitecture);
    }

    /// <summary>Both as models to run; null where they are bare checkpoints, which are compared as files alone.</summary>
    private static (PretrainedModel Before, PretrainedModel After)? OpenBoth(string before, string after) =>
        PretrainedModel.CanOpen(before) && PretrainedModel.CanOpen(after) ? (PretrainedModel.Open(before), PretrainedModel.Open(after)) : null;

    private static void ShowAll(Terminal terminal, IReadOnlyList<IComparisonSection> sections, string before, string after)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("").AddColumn(new TableColumn(Markup.Escape($"before: {before}")).RightAligned())
            .AddColumn(new TableColumn(Markup.Escape($"after: {after}")).RightAligned()).AddColumn(new TableColumn("ratio").RightAligned());
        foreach (var row in sections.SelectMany(section => section.Rows()))
            table.AddRow([.. new[] { row.What, row.Before, row.After, row.Ratio }.Select(Markup.Escape)]);
        terminal.Show(table);
        foreach (var remark in sections.SelectMany(section => section.Remarks()))
            terminal.Line(remark);
    }
}
