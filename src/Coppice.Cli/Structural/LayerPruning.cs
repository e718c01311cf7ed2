using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Depth;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Spectre.Console;

namespace Coppice.Cli.Structural;

/// <summary>The part of <c>coppice prune</c> that leaves out whole blocks of a transformer.</summary>
/// <param name="Output">Where it was written; null for a dry run.</param>
/// <param name="Measure">What blocks were scored by.</param>
/// <param name="Scores">A score for each block, or for each first block of a run.</param>
/// <param name="Removal">Which blocks went.</param>
/// <param name="Before">Parameters before.</param>
/// <param name="After">And after.</param>
/// <param name="Verification">How the outputs compare.</param>
internal sealed record LayerPruning(string? Output, string Measure, IReadOnlyList<double> Scores, BlockRemoval Removal, long Before, long After,
    Verification Verification)
{
    /// <summary>The default measure, and that of residual blocks.</summary>
    public static readonly string Influence = GroupCriteria.NameOf(CutCriterion.BlockInfluence);

    /// <summary>Measures that --criterion takes for blocks.</summary>
    public static readonly string[] Measures = [.. GroupCriteria.OfLayers.Select(GroupCriteria.NameOf)];

    /// <summary>Opens, scores, chooses, verifies, writes.</summary>
    public static LayerPruning Run(
        OpenedModel opened, PretrainedModel model, string? output, PruneAmount amount, ParseResult parsed, Terminal terminal)
    {
        var measure = parsed.GetValue(StructuralOptions.Importance) ?? Influence;
        var inputs = InputsOf(parsed, opened);
        var blocks = BlockRemoval.BlocksOf(model);
        var count = CountOf(amount, blocks.Blocks.Count);
        var (scores, lowest) = terminal.Busy("scoring blocks",
            () => BlockImportance.Lowest(blocks, inputs.Select(input => input[0]), count, isAngular: measure != Influence));
        var removal = new BlockRemoval(model, lowest);
        var (smaller, verification) = terminal.Busy("verifying and writing",
            () => removal.Save(output, inputs[0][0], SavingOptions.Of(parsed)));
        return new(output, measure, scores, removal, ParametersOf(model.Module), ParametersOf(smaller), verification);
    }

    /// <summary>How many blocks an amount is, between none and all.</summary>
    public static int CountOf(PruneAmount amount, int blocks)
    {
        try
        {
            return BlockRemoval.CountOf(amount, blocks);
        }
        catch (PruningException error)
        {
            throw new UsageException($"--amount: {error.Message}");
        }
    }

    /// <summary>What blocks are scored on.</summary>
    public static IReadOnlyList<IReadOnlyList<Tensor>> InputsOf(ParseResult parsed, OpenedModel model) =>
        StructuralOptions.InputsOf(parsed, model) ?? throw new UsageException(
            "--granularity layer scores blocks on --calibration FILE (or --calibration random: inputs at random).");

    public JsonObject ToJson() => new()
    {
        ["output"] = Output,
        ["measure"] = Measure,
        ["scores"] = new JsonArray([.. Scores.Select(score => JsonValue.Create(score))]),
        ["removed"] = new JsonArray([.. Removal.Removed.Select(block => JsonValue.Create(block))]),
        ["kept"] = new JsonArray([.. Removal.Kept.Select(block => JsonValue.Create(block))]),
        ["parameters"] = new JsonObject { ["before"] = Before, ["after"] = After },
        ["verification"] = new JsonObject { ["largest_difference"] = Verification.LargestDifference },
    };

    public void Show(Terminal terminal)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("block").RightAligned())
            .AddColumn(new TableColumn(Measure).RightAligned()).AddColumn("");
        foreach (var (block, score) in Scores.Index())
            table.AddRow($"{block}", $"{score:F4}", Removal.Removed.Contains(block) ? "removed" : "");
        terminal.Show(table);
        terminal.Line($"blocks: {Removal.Removed.Count + Removal.Kept.Count} -> {Removal.Kept.Count}; removed: {string.Join(", ", Removal.Removed)}");
        terminal.Line($"parameters: {Reports.Change(Before, After)}");
        terminal.Line($"verified: outputs are those of the original with these blocks left out, to {Verification.LargestDifference:G2} of the largest");
        terminal.Line(Output is null ? "dry run: nothing was written." : $"saved: {Output}");
    }

    internal static long ParametersOf(Module module) => module.NamedParameters().Sum(entry => entry.Parameter.Shape.Count);
}
