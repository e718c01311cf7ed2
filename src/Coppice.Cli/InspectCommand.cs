using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Cli.Structural;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Selection;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice inspect</c>: what is in a checkpoint, and what pruning would touch.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> Path = Arguments.Path();
    private static readonly Option<string?> Show = new("--show") { Description = "Print a corner of this tensor's values." };
    private static readonly Option<int> Rows = new("--rows") { Description = "Rows that --show prints.", DefaultValueFactory = _ => 5 };
    private static readonly Option<int> Columns = new("--cols")
    {
        Description = "Columns that --show prints.",
        DefaultValueFactory = _ => 5,
    };

    private static readonly Mode OfATensor = new("--show", Show, Rows, Columns);
    private static readonly Mode OfAll = new("the whole checkpoint", StructuralOptions.Arch, StructuralOptions.Input)
    {
        Advice = ", or name a tensor with --show",
    };

    public static Command Create()
    {
        var command = new Command("inspect", Arguments.WithExample("Show a checkpoint's tensors, zeros, ties, default pruning scope and anything odd.",
            "coppice inspect samples/models/gpt2-student",
            "coppice inspect samples/models/cifar10-resnet/resnet20-12fca82f.th --arch resnet20",
            "coppice inspect samples/models/onnx/mnist_cntk.onnx"))
        {
            Path, Show, Rows, Columns, StructuralOptions.Arch, StructuralOptions.Input,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        (parsed.GetValue(Show) is null ? OfAll : OfATensor).RefuseOthers(parsed);
        using var checkpoint = Weights.Open(parsed.GetRequiredValue(Path));
        if (parsed.GetValue(Show) is { } name)
        {
            var corner = Corner(checkpoint[name], parsed.GetValue(Rows), parsed.GetValue(Columns));
            terminal.Result(() => ToJson(checkpoint[name], corner), () => ShowCorner(terminal, checkpoint[name], corner));
            return Task.FromResult(ExitCode.Done);
        }
        var inspection = terminal.Progress("inspect", "bytes", checkpoint.Tensors.Sum(tensor => tensor.ByteLength),
            progress => CheckpointInspection.Of(checkpoint, progress, cancellation));
        var cost = Cost(parsed, terminal);
        terminal.Result(() => ToJson(checkpoint, inspection, cost), () =>
        {
            ShowTables(terminal, checkpoint, inspection);
            if (cost is not null)
                ShowCost(terminal, cost);
        });
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>What each layer costs, where --arch or --input asks for it, or the file says what it computes.</summary>
    private static ModelCost? Cost(ParseResult parsed, Terminal terminal)
    {
        var path = parsed.GetRequiredValue(Path);
        var (architecture, input) = (parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input) ?? []);
        if (architecture is null && input.Length == 0 && !Weights.IsOnnx(path))
            return null;
        try
        {
            return terminal.Busy("tracing the model", () => ModelCost.Of(OpenedModel.Open(path, architecture, input).Traced.Graph));
        }
        catch (OnnxException error) when (input.Length == 0)
        {
            terminal.Warn($"no cost of layers: {error.Message}");
            return null;
        }
    }

    private static void ShowCost(Terminal terminal, ModelCost cost)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("layer").AddColumn("op")
            .AddColumn(new TableColumn("parameters").RightAligned()).AddColumn(new TableColumn("multiply-accumulates").RightAligned());
        foreach (var layer in cost.Layers)
            table.AddRow(Markup.Escape(layer.Name), layer.Op, $"{layer.Parameters:N0}", $"{layer.Macs:N0}");
        terminal.Show(table);
        terminal.Line($"{cost.Parameters:N0} parameters, {cost.Macs:N0} multiply-accumulates for one example");
    }

    private static JsonArray ToJson(ModelCost cost) => new([.. cost.Layers.Select(layer => new JsonObject
    {
        ["name"] = layer.Name,
        ["op"] = layer.Op,
        ["parameters"] = layer.Parameters,
        ["macs"] = layer.Macs,
    })]);

    private static float[][] Corner(TensorSource source, int rows, int columns)
    {
        if (rows < 1 || columns < 1)
            throw new UsageException("--rows and --cols must be 1 or more.");
        if (source.Count == 0)
            return [];
        var width = source.Shape.Rank == 0 ? 1 : source.Shape[^1];
        var values = source.ToSingle().Reshape(-1, width);
        var row = Math.Min(rows, values.Shape[0]);
        var flat = values.Narrow(0, 0, row).Narrow(1, 0, Math.Min(columns, width)).ToArray<float>();
        return [.. flat.Chunk(Math.Min(columns, width))];
    }

    private static JsonObject ToJson(TensorSource source, float[][] corner) => new()
    {
        ["name"] = source.Name,
        ["shape"] = Shape(source),
        ["dtype"] = source.DType.ToString(),
        ["corner"] = new JsonArray([.. corner.Select(row => new JsonArray([.. row.Select(value => JsonValue.Create(value))]))]),
    };

    private static void ShowCorner(Terminal terminal, TensorSource source, float[][] corner)
    {
        if (corner.Length == 0)
        {
            terminal.Line($"{source}: no elements.");
            return;
        }
        terminal.Line($"{source}, its first {corner.Length} rows and {corner[0].Length} columns:");
        foreach (var row in corner)
            terminal.Line(string.Join(" ", row.Select(value => $"{value,12:0.000000}")));
    }

    private static JsonArray Shape(TensorSource source) => new([.. source.Shape.Select(size => JsonValue.Create(size))]);

    private static JsonObject ToJson(IWeightStore checkpoint, CheckpointInspection inspection, ModelCost? cost) => new()
    {
        ["path"] = checkpoint.Path,
        ["format"] = checkpoint.FormatName,
        ["files"] = new JsonArray([.. checkpoint.WeightFiles.Select(file => JsonValue.Create(System.IO.Path.GetFileName(file)))]),
        ["totals"] = new JsonObject
        {
            ["tensors"] = checkpoint.Tensors.Count,
            ["parameters"] = inspection.Selection.Parameters,
            ["elements"] = inspection.Elements,
            ["bytes"] = inspection.Bytes,
            ["zeros"] = inspection.Zeros,
            ["sparsity"] = inspection.Sparsity,
        },
        ["scope"] = new JsonObject
        {
            ["weights"] = new JsonArray([.. inspection.Selection.Weights.Select(weight => JsonValue.Create(weight.Name))]),
            ["elements"] = inspection.Selection.Elements,
            ["share"] = inspection.Selection.Share,
        },
        ["tied"] = new JsonArray([.. inspection.Tied.Select(names => new JsonArray([.. names.Select(name => JsonValue.Create(name))]))]),
        ["findings"] = new JsonArray([.. inspection.Findings.Select(finding => JsonValue.Create(finding))]),
        ["tensors"] = new JsonArray([.. inspection.Tensors.Select(entry => new JsonObject
        {
            ["name"] = entry.Source.Name,
            ["shape"] = Shape(entry.Source),
            ["dtype"] = entry.Source.DType.ToString(),
            ["zeros"] = entry.Statistics.Zeros,
            ["sparsity"] = entry.Statistics.Sparsity,
            ["in_scope"] = entry.WhyOut is null,
            ["why_out"] = entry.WhyOut,
        })]),
        ["macs"] = cost?.Macs,
        ["layers"] = cost is null ? null : ToJson(cost),
    };

    private static void ShowTables(Terminal terminal, IWeightStore checkpoint, CheckpointInspection inspection)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("tensor").AddColumn("shape").AddColumn("type")
            .AddColumn(new TableColumn("zeros").RightAligned()).AddColumn("pruned by default");
        foreach (var entry in inspection.Tensors)
            table.AddRow(Markup.Escape(entry.Source.Name), Markup.Escape(entry.Source.Shape.ToString()), entry.Source.DType.ToString(),
                entry.Statistics.Zeros is { } zeros ? $"{zeros:N0} ({Reports.Percent(entry.Statistics.Sparsity)})" : "?",
                entry.WhyOut is null ? "yes" : Markup.Escape($"no: {entry.WhyOut}"));
        terminal.Show(table);
        terminal.Line($"{checkpoint.Tensors.Count} tensors, {inspection.Selection.Parameters:N0} parameters, "
            + $"{Reports.Bytes(inspection.Bytes)} ({checkpoint.FormatName}), "
            + $"{inspection.Zeros:N0} zeros ({Reports.Percent(inspection.Sparsity)})");
        terminal.Line($"default scope: {inspection.Selection.Weights.Count} weights, {inspection.Selection.Elements:N0} elements, "
            + $"{Reports.Percent(inspection.Selection.Share)} of the parameters");
        foreach (var names in inspection.Tied)
            terminal.Line($"tied: {string.Join(" = ", names)}");
        foreach (var finding in inspection.Findings)
            terminal.Line($"note: {finding}");
    }
}
