using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Spectre.Console;

namespace Coppice.Cli.Structural;

/// <summary>The half of <c>coppice prune</c> that makes a model smaller.</summary>
/// <param name="Output">Where it was written; null for a dry run.</param>
/// <param name="Removal">What went.</param>
/// <param name="Groups">The groups that shrank.</param>
/// <param name="Before">Cost of the model before.</param>
/// <param name="After">And after.</param>
/// <param name="Verification">How the outputs compare.</param>
internal sealed record StructuralPruning(
    string? Output, Removal Removal, IReadOnlyList<PruningGroup> Groups, ModelCost Before, ModelCost After, Verification Verification)
{
    private const int MostReasons = 3;

    /// <summary>Opens, chooses, cuts, verifies, writes.</summary>
    /// <param name="path">The model.</param>
    /// <param name="output">Where to write; null for nowhere.</param>
    /// <param name="options">How much goes, and from where, without globs the model's own; null to carry out the plan.</param>
    /// <param name="given">Without options a plan to carry out.</param>
    /// <param name="plan">Where to write what was cut; null for nowhere.</param>
    /// <param name="parsed">The other options.</param>
    /// <param name="terminal">Shows progress.</param>
    public static StructuralPruning Run(
        string path, string? output, GroupPruning? options, StructuralPlan? given, string? plan, ParseResult parsed, Terminal terminal)
    {
        var model = terminal.Busy("tracing the model",
            () => OpenedModel.Open(path, parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input)));
        if (model.Folder is null && Mode.IsGiven(StructuralOptions.Uniform, parsed))
            throw new UsageException($"{StructuralOptions.Uniform.Name} is about the layers of a folder's model, which {path} is not; leave it out.");
        var dependencies = model.Dependencies;
        RefuseWithoutGroups(path, dependencies);
        var (saving, seed) = (SavingOptions.Of(parsed), parsed.GetValue(CommonOptions.Seed));
        var latency = new PrunedLatency(dependencies, model.Traced.RandomInputs(seed));
        var calibration = StructuralOptions.InputsOf(parsed, model);
        var compensation = new Compensating(parsed, model, calibration);
        var size = parsed.GetValue(StructuralOptions.TargetSize) is { } most
            ? new SizeTarget(Given("--target-size", most, Quantity.Bytes(most), Quantity.SizeForm),
                Path.GetFileName(Path.TrimEndingDirectorySeparator(output ?? path)))
            : null;
        var time = parsed.GetValue(StructuralOptions.TargetLatency) is { } longest
            ? Given("--target-latency", longest, Quantity.Milliseconds(longest), Quantity.TimeForm) : (double?)null;
        var budget = time is { } milliseconds ? latency.Within(milliseconds) : size?.BudgetOf(model, saving with { Overwrite = false });
        var removal = given is null
            ? terminal.Busy("choosing what to remove", () => Chosen(options! with { Budget = budget }, model, calibration, parsed))
            : Removal.Of(dependencies, given);
        var times = time is null ? null : latency.Of(removal);
        if (times is not null && removal.IsEmpty)
            throw new PruningException($"{path} takes {times.A.P50:F2} ms as it is: nothing has to go for {time} ms.");
        if (times is not null)
            latency.RefuseSlower(removal);
        compensation.Prepare(model, removal, terminal);
        var (before, cuts) = (ModelCost.Of(dependencies.Graph), removal.ToPlan(model.Traced.Kind));
        var after = GroupPruning.CostAfter(dependencies, removal);
        var verification = terminal.Busy("removing, verifying and writing",
            () => model.Prune(removal, output, saving, seed, compensation.Prepared));
        if (output is not null)
            size?.Check(output);
        if (plan is not null)
            AtomicOutput.Write(plan, cuts.ToJson());
        return new(output, removal, [.. dependencies.Groups.Where(group => removal.KeptOf(group).Length < group.Size)], before, after, verification)
        {
            Latency = times,
            IsToldByConfig = output is not null && model.Folder?.IsToldByConfig() == true,
            Compensated = compensation.Summary,
        };
    }

    private static double Given(string option, string text, double? quantity, string form) =>
        quantity ?? throw new UsageException($"{option} {text} is not {form}.");

    private static void RefuseWithoutGroups(string path, DependencyGraph dependencies)
    {
        if (dependencies.Groups.Count > 0)
            return;
        var axes = dependencies.Pinned.Where(axis => axis.Size > 1).ToList();
        var reasons = axes.GroupBy(axis => axis.Reason).OrderByDescending(reason => reason.Count())
            .ThenByDescending(reason => reason.Max(axis => axis.Size)).Take(MostReasons).Select(reason => reason.Key);
        throw new PruningException($"{path} has no axis that can be pruned: " + (axes.Count == 0
            ? "it stores no weights of more than one number."
            : $"each of the {axes.Count} axes of its weights is needed whole, most often because of: {string.Join("; ", reasons)}. "
                + "'coppice groups' gives all reasons."));
    }

    private static Removal Chosen(
        GroupPruning options, OpenedModel model, IReadOnlyList<IReadOnlyList<Tensor>>? calibration, ParseResult parsed)
    {
        var (dependencies, importance) = (model.Dependencies, StructuralOptions.ImportanceOf(parsed, model, calibration));
        var scoped = options.Within(model.DefaultScope, parsed.GetValue(StructuralOptions.Uniform)) with { Before = model.Before };
        var removal = scoped.Choose(dependencies, importance);
        // Of a time the caller knows more to say.
        return removal.IsEmpty && parsed.GetValue(StructuralOptions.TargetLatency) is null
            ? throw new PruningException($"There is nothing to cut: {WhyNothing(scoped, other => other.Choose(dependencies, importance))}.")
            : removal;
    }

    /// <summary>What keeps everything in its place, and what to change.</summary>
    private static string WhyNothing(GroupPruning asked, Func<GroupPruning, Removal> choose)
    {
        if (asked.Ratio is null)
            return "the model is within the target as it is; ask for less to be left";
        if (asked.RoundTo > 1 && RemovesMore(asked with { RoundTo = 1 }))
            return $"--round-to {asked.RoundTo} leaves a multiple of {asked.RoundTo}, which is more than any group can lose of what is asked for; give a "
                + "smaller one, or a larger --amount";
        if (asked.MaxRatio < 1 && RemovesMore(asked with { MaxRatio = 1 }))
            return $"--max-ratio {asked.MaxRatio} lets no index of any group go; give a larger one";
        if (asked.Before is not null && RemovesMore(asked with { Before = null }))
            return "ratios count from the sizes before the model was first cut, and as much is gone already; give a larger --amount";
        return "what is asked for is less than one index of any group in scope; give a larger --amount";

        bool RemovesMore(GroupPruning other)
        {
            try
            {
                return !choose(other).IsEmpty;
            }
            catch (PruningException) // it would take all
            {
                return true;
            }
        }
    }

    /// <summary>Measured times of the model as it was (A) and as it is; null where no target asked for them.</summary>
    public InterleavedTimes? Latency { get; init; }

    /// <summary>What was done to make up for what went, in words; null where nothing was.</summary>
    public string? Compensated { get; init; }

    /// <summary>Whether it is a folder whose config.json alone tells all sizes.</summary>
    public bool IsToldByConfig { get; init; }

    /// <summary>Residual blocks that went before channels did.</summary>
    public IReadOnlyList<ResidualBlock> LeftOut { get; init; } = [];

    public JsonObject ToJson() => new()
    {
        ["output"] = Output,
        ["groups"] = new JsonArray([.. Groups.Select(group => new JsonObject
        {
            ["group"] = group.Number,
            ["kind"] = GroupsCommand.NameOf(group.Kind),
            ["tensor"] = group.Members[0].Value.Name,
            ["before"] = group.Size,
            ["after"] = Removal.KeptOf(group).Length,
        })]),
        ["left_out"] = new JsonArray([.. LeftOut.Select(block => JsonValue.Create(block.Name))]),
        ["parameters"] = new JsonObject { ["before"] = Before.Parameters, ["after"] = After.Parameters },
        ["macs"] = new JsonObject { ["before"] = Before.Macs, ["after"] = After.Macs },
        ["latency_ms"] = Latency is null ? null : new JsonObject { ["before"] = Latency.A.P50, ["after"] = Latency.B.P50 },
        ["compensation"] = Compensated,
        ["verification"] = new JsonObject
        {
            ["largest_difference"] = Verification.LargestDifference,
            ["normalized"] = new JsonArray([.. Verification.Normalized.Select(name => JsonValue.Create(name))]),
            ["unchecked"] = new JsonArray([.. Verification.Unchecked.Select(name => JsonValue.Create(name))]),
        },
    };

    public void Show(Terminal terminal)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("group").AddColumn("kind").AddColumn("first tensor")
            .AddColumn(new TableColumn("before").RightAligned()).AddColumn(new TableColumn("after").RightAligned());
        foreach (var group in Groups)
            table.AddRow($"{group.Number}", GroupsCommand.NameOf(group.Kind),
                Markup.Escape($"{group.Members[0].Value.Name}[{group.Members[0].Axis}]"),
                $"{group.Size:N0}", $"{Removal.KeptOf(group).Length:N0}");
        terminal.Show(table);
        if (LeftOut.Count > 0)
            terminal.Line($"residual blocks left out: {string.Join(", ", LeftOut.Select(block => block.Name))}");
        terminal.Line($"parameters: {Reports.Change(Before.Parameters, After.Parameters)}");
        terminal.Line($"multiply-accumulates: {Reports.Change(Before.Macs, After.Macs)}");
        if (Latency is not null)
            terminal.Line($"median time for one input, measured in turns: {Latency.A.P50:F2} ms -> {Latency.B.P50:F2} ms");
        terminal.Line("verified: outputs are those of the original without what was removed, to "
            + $"{Verification.LargestDifference:G2} of the largest");
        if (Verification.Unchecked.Count > 0)
            terminal.Line("not checked, since they have no entries on the inputs that were tried (--input gives others): "
                + string.Join(", ", Verification.Unchecked));
        if (Compensated is not null)
            terminal.Line($"made up for, after that: {Compensated}");
        if (Verification.Normalized.Count > 0)
            terminal.Line($"statistics are now over fewer entries in: {string.Join(", ", Verification.Normalized)}");
        terminal.Line(Output is null ? "dry run: nothing was written." : $"saved: {Output}");
        if (Output is not null && !Weights.IsOnnx(Output))
            terminal.Note(!Directory.Exists(Output) ? $"Keep {PretrainedVisionModel.PlanPath(Output)} beside it: it tells what was cut."
                : IsToldByConfig ? $"config.json there says what was cut, as {PretrainedModel.PlanFile} beside it does: other tools can read the folder."
                : $"config.json has no words for all that was cut: by {PretrainedModel.PlanFile} beside it Coppice reads the folder, but other tools "
                    + "can't.");
    }
}
