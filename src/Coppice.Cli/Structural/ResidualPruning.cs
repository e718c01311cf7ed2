using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Spectre.Console;

namespace Coppice.Cli.Structural;

/// <summary>The part of <c>coppice prune</c> that leaves out residual blocks of an ONNX file or an image classifier.</summary>
/// <param name="Output">Where it was written; null for a dry run.</param>
/// <param name="Blocks">All blocks that could go.</param>
/// <param name="Removed">Those that went.</param>
/// <param name="Before">Cost of the model before.</param>
/// <param name="After">And after.</param>
/// <param name="Verification">How the outputs compare.</param>
internal sealed record ResidualPruning(string? Output, IReadOnlyList<ResidualBlock> Blocks, IReadOnlyList<ResidualBlock> Removed,
    ModelCost Before, ModelCost After, Verification Verification)
{
    /// <summary>Scores, chooses, verifies, writes.</summary>
    /// <param name="path">The model.</param>
    /// <param name="model">It, opened.</param>
    /// <param name="output">Where to write; null for nowhere.</param>
    /// <param name="amount">How many go.</param>
    /// <param name="plan">Where to write what went; null for nowhere.</param>
    /// <param name="parsed">The other options.</param>
    /// <param name="terminal">Shows progress.</param>
    public static ResidualPruning Run(
        string path, OpenedModel model, string? output, PruneAmount amount, string? plan, ParseResult parsed, Terminal terminal)
    {
        if (parsed.GetValue(StructuralOptions.Importance) is { } measure && measure != LayerPruning.Influence)
            throw new UsageException($"--criterion {measure} is not for single residual blocks; they go by {LayerPruning.Influence}.");
        ResidualBlocks.RefuseNone(model.Blocks.Count, path);
        var count = LayerPruning.CountOf(amount, model.Blocks.Count);
        var inputs = LayerPruning.InputsOf(parsed, model);
        var compensation = new Compensating(parsed, model, inputs);
        var scores = terminal.Busy("scoring blocks", () => ResidualImportance.Influence(model.Traced.Graph, model.Blocks, inputs));
        var pruning = CarryOut(model, output, ResidualBlocks.Lowest(model.Blocks, scores, count), compensation, parsed, terminal);
        if (plan is not null)
            AtomicOutput.Write(plan, LayerRemoval.ToPlan(model.Traced.Kind, pruning.Removed).ToJson());
        return pruning with { Scores = scores };
    }

    /// <summary>Leaves out the blocks that a plan names.</summary>
    /// <param name="path">The model.</param>
    /// <param name="output">Where to write; null for nowhere.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="compensates">Whether what was asked for to make up for it is done here.</param>
    /// <param name="parsed">The other options.</param>
    /// <param name="terminal">Shows progress.</param>
    public static ResidualPruning Run(
        string path, string? output, StructuralPlan plan, bool compensates, ParseResult parsed, Terminal terminal)
    {
        var model = terminal.Busy("tracing the model",
            () => OpenedModel.Open(path, parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input)));
        var blocks = ResidualBlocks.Planned(model.Blocks, plan, path);
        var compensation = compensates ? new Compensating(parsed, model, StructuralOptions.InputsOf(parsed, model)) : null;
        return CarryOut(model, output, blocks, compensation, parsed, terminal);
    }

    private static ResidualPruning CarryOut(OpenedModel model, string? output, IReadOnlyList<ResidualBlock> removed, Compensating? compensation,
        ParseResult parsed, Terminal terminal)
    {
        compensation?.PrepareForBlocks();
        var (graph, blocks) = (model.Traced.Graph, model.Blocks);
        var (before, after) = (ModelCost.Of(graph), ModelCost.Of(ResidualBlocks.Remove(graph, removed)));
        var verification = terminal.Busy("removing, verifying and writing",
            () => model.Shorten(removed, output, SavingOptions.Of(parsed), parsed.GetValue(CommonOptions.Seed), compensation?.Prepared));
        return new(output, blocks, removed, before, after, verification) { Compensated = compensation?.Summary };
    }

    /// <summary>A score for each block; null where a plan said what goes.</summary>
    public IReadOnlyList<double>? Scores { get; init; }

    /// <summary>What was done to make up for what went, in words; null where nothing was.</summary>
    public string? Compensated { get; init; }

    public JsonObject ToJson() => new()
    {
        ["output"] = Output,
        ["measure"] = Scores is null ? null : LayerPruning.Influence,
        ["blocks"] = new JsonArray([.. Blocks.Select((block, i) => new JsonObject
        {
            ["name"] = block.Name,
            ["weights"] = new JsonArray([.. block.Weights.Select(name => JsonValue.Create(name))]),
            ["score"] = Scores?[i],
            ["removed"] = Removed.Contains(block),
        })]),
        ["removed"] = new JsonArray([.. Removed.Select(block => JsonValue.Create(block.Name))]),
        ["parameters"] = new JsonObject { ["before"] = Before.Parameters, ["after"] = After.Parameters },
        ["macs"] = new JsonObject { ["before"] = Before.Macs, ["after"] = After.Macs },
        ["compensation"] = Compensated,
        ["verification"] = new JsonObject { ["largest_difference"] = Verification.LargestDifference },
    };

    public void Show(Terminal terminal)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("residual block").AddColumn("first weight").AddColumn("shape")
            .AddColumn(new TableColumn(LayerPruning.Influence).RightAligned()).AddColumn("");
        foreach (var (i, block) in Blocks.Index())
            table.AddRow(Markup.Escape(block.Name), Markup.Escape(block.Weights is [var first, ..] ? first : ""),
                Markup.Escape(block.Sum.SampleShape.ToString()), Scores is null ? "" : $"{Scores[i]:F4}",
                Removed.Contains(block) ? "removed" : "");
        terminal.Show(table);
        terminal.Line($"residual blocks: {Blocks.Count} -> {Blocks.Count - Removed.Count}");
        terminal.Line($"parameters: {Reports.Change(Before.Parameters, After.Parameters)}");
        terminal.Line($"multiply-accumulates: {Reports.Change(Before.Macs, After.Macs)}");
        terminal.Line("verified: outputs are those of the original where these blocks add zeros, to "
            + $"{Verification.LargestDifference:G2} of the largest");
        if (Compensated is not null)
            terminal.Line($"made up for, after that: {Compensated}");
        terminal.Line(Output is null ? "dry run: nothing was written." : $"saved: {Output}");
        if (Output is not null && !Weights.IsOnnx(Output))
            terminal.Note($"Keep {PretrainedVisionModel.PlanPath(Output)} beside it: it tells what was left out.");
    }
}
