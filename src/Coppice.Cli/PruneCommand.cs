using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using Coppice.Checkpoints;
using Coppice.Cli.Structural;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary><c>coppice prune</c>: sets weights of a checkpoint to zero and writes the same kind of checkpoint.</summary>
internal static class PruneCommand
{
    private const string Vocabulary = "vocabulary";
    private static readonly string Layer = GroupPruning.Granularities.First(entry => entry.Value == CutGranularity.Layer).Key;

    private static readonly Argument<string> Path = Arguments.Path();
    private static readonly Option<string> Method = new("--method") { Description = "l1, ln, random; lamp or erk: a sparsity of each layer's own, --scope global.", DefaultValueFactory = _ => "l1" };
    private static readonly Option<string?> Amount = new("--amount") { Description = "A fraction such as 0.3, or a count such as 1000." };
    private static readonly Option<string[]> Ratio = new("--ratio")
    {
        Description = "GLOB=AMOUNT: an amount for the weights in scope that this glob matches; repeatable, the last match counts.",
    };
    private static readonly Option<string> Scope = new("--scope")
    {
        Description = "per-tensor (or per-layer), or global: all weights or groups ranked together; structural also isomorphic: groups in "
            + "the same places of repeated blocks ranked together.",
        DefaultValueFactory = _ => "per-tensor",
    };
    private static readonly Option<string[]> Include = new("--include") { Description = "Prune the weights this glob matches instead of the default scope; repeatable." };
    private static readonly Option<string[]> Exclude = new("--exclude") { Description = "Leave out the weights this glob matches; repeatable." };
    private static readonly Option<string?> Granularity = new("--granularity")
    {
        Description = "unstructured; row: the same amount of each output's weights; channel: whole slices along --dim; N:M such as 2:4; "
            + "or blocks RxC such as 4x1 (default: the method's own). Structural: channel, head or neuron (default: all of these), query (of grouped "
            + "queries one for each key head), width "
            + "(features that normalisations are over: the model's own), layer (blocks of a transformer, residual blocks of other nets), or "
            + "vocabulary (its rarest tokens).",
    };
    private static readonly Option<string?> Norm = new("--norm") { Description = "n of the Ln norm: a number, inf or -inf (default: 1 with l1, 2 with ln)." };
    private static readonly Option<int?> Dim = new("--dim") { Description = "Axis that channels are counted along (default: 0)." };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Decide and report without writing a checkpoint." };
    private static readonly Option<string?> Plan = new("--plan")
    {
        Description = "Write what was decided, with hashes, as JSON to this file; without --amount, --ratio and targets: carry out the plan "
            + "that is in it.",
    };

    private static readonly Option[] Always = [SavingOptions.Output, SavingOptions.Format, SavingOptions.Overwrite, DryRun];
    private static readonly Option[] Tracing = [StructuralOptions.Structural, StructuralOptions.Arch, StructuralOptions.Input, StructuralOptions.Calibration];
    private static readonly Option[] Compensating = [StructuralOptions.Compensate, PixelOptions.Mean, PixelOptions.Std];

    private static readonly Mode OfZeros = new("zeros in weights",
        [.. Always, Plan, Method, Amount, Ratio, Scope, Include, Exclude, Granularity, Norm, Dim, SavingOptions.Semantics])
    {
        Advice = $", or give {StructuralOptions.Structural.Name} to cut channels, heads or neurons out",
    };

    private static readonly Mode OfGroups = new("removing channels, heads or neurons",
        [.. Always, Plan, Amount, Ratio, Scope, Include, Exclude, Granularity, .. StructuralOptions.OfPruning])
    {
        Advice = " (--criterion says which go)",
    };

    private static readonly Mode OfLayers = new("--granularity layer of a folder",
        [.. Always, Granularity, Amount, .. Tracing, StructuralOptions.Importance]);

    private static readonly Mode OfResidualBlocks = new("--granularity layer", [.. OfLayers.Options, Plan, .. Compensating]);

    private static readonly Mode OfVocabulary = new("--granularity vocabulary",
        [.. Always, Granularity, Amount, StructuralOptions.Structural, StructuralOptions.Calibration]);

    private static readonly Mode OfPlan = new("--plan without an amount or a target, which carries out the plan",
        [.. Always, Plan, .. Tracing, .. Compensating])
    {
        Advice = ", or give --amount or a target to choose anew",
    };

    private static readonly Mode OfPlanOfZeros = OfPlan with { Options = [.. Always, Plan] };

    public static Command Create()
    {
        var command = new Command("prune", Arguments.WithExample("Prune a checkpoint and save it as the same kind of checkpoint.",
            "coppice prune samples/models/gpt2-student -o pruned --amount 0.3",
            "coppice prune model.safetensors -o pruned.safetensors --scope global --amount 0.5 --include \"*.mlp.*.weight\"",
            "coppice prune samples/models/gpt2-student -o smaller --granularity head --amount 0.25",
            "coppice prune samples/models/onnx/mnist_cntk.onnx -o smaller.onnx --structural --amount 0.25",
            "coppice prune samples/models/gpt2-student -o shorter --granularity layer --amount 0.25 --calibration samples/data/tinyshakespeare-test.txt",
            "coppice prune model.onnx -o shorter.onnx --granularity layer --amount 0.25 --calibration random",
            "coppice prune samples/models/bert-thucnews -o fewer --granularity vocabulary --amount 0.5 --calibration samples/data/thucnews/dev-1000.txt",
            "coppice prune samples/models/cifar10-resnet/resnet20-12fca82f.th --arch resnet20 -o half.th --structural --target-macs 0.5 --scope global"))
        {
            Path, SavingOptions.Output, Method, Amount, Ratio, Scope, Include, Exclude, Granularity, Norm, Dim, SavingOptions.Semantics,
            SavingOptions.Format, SavingOptions.Overwrite, DryRun, Plan,
        };
        foreach (var option in StructuralOptions.OfPruning)
            command.Add(option);
        Method.AcceptOnlyFromAmong("l1", "ln", "random", "ln-structured", "random-structured", "lamp", "erk");
        Scope.AcceptOnlyFromAmong("per-tensor", "per-layer", "global", "isomorphic");
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var (output, dryRun) = (parsed.GetValue(SavingOptions.Output), parsed.GetValue(DryRun));
        if (output is null && !dryRun)
            throw new UsageException("Say where to write with -o OUT, or give --dry-run to decide without writing.");
        SavingOptions.RefuseExisting(output, "-o", parsed);
        SavingOptions.RefuseOtherKind(parsed.GetRequiredValue(Path), output, parsed);
        output = dryRun ? null : output;
        var (plan, isPlanGiven) = (parsed.GetValue(Plan), IsPlanGiven(parsed));
        PlanFile.Check(plan, parsed.GetRequiredValue(Path), output, isPlanGiven);
        if (isPlanGiven && File.ReadAllBytes(plan!) is var json && PruningPlan.IsOne(json))
        {
            OfPlanOfZeros.RefuseOthers(parsed);
            var given = PruningPlan.Parse(Encoding.UTF8.GetString(json));
            return Zeros(parsed, output, given.ToRequest(), given, terminal, cancellation);
        }
        if (isPlanGiven)
            CheckPlanOptions(parsed);
        else
            SavingOptions.RefuseExisting(plan, "--plan", parsed);
        if (isPlanGiven || IsStructural(parsed))
        {
            PixelOptions.RefuseUnread(parsed, Weights.IsOnnx(parsed.GetRequiredValue(Path)), StructuralOptions.DataOf(parsed), StructuralOptions.Calibration);
            return Structurally(parsed, isPlanGiven, output, terminal);
        }
        OfZeros.RefuseOthers(parsed);
        return Zeros(parsed, output, Request(parsed), null, terminal, cancellation);
    }

    /// <summary>Zeros in weights of the user's choice, with a plan of them where it is asked for, or in those of a plan that is given.</summary>
    private static Task<int> Zeros(
        ParseResult parsed, string? output, PruneRequest request, PruningPlan? given, Terminal terminal, CancellationToken cancellation)
    {
        using var checkpoint = Weights.Open(parsed.GetRequiredValue(Path));
        var plan = given is null ? parsed.GetValue(Plan) : null;
        var (selection, result) = terminal.Busy("choosing what to prune", () =>
        {
            var facts = ModelFacts.Of(checkpoint);
            if (given is not null)
                return given.CarryOut(checkpoint.Tensors, facts);
            var selected = WeightSelector.Select(checkpoint.Tensors, facts, parsed.GetValue(Include), parsed.GetValue(Exclude));
            return (selected, Pruner.Prune(selected, request));
        });
        foreach (var warning in result.Warnings)
            terminal.Warn(warning);
        if (output is not null)
            SavingOptions.Save(parsed, terminal, checkpoint,
                options => checkpoint.Save(output, result.Tensors.OfType<MaskedTensor>(), options, cancellation));
        if (output is not null && checkpoint is Checkpoint)
            PretrainedVisionModel.CopyPlan(checkpoint.Path, output);
        if (plan is not null)
            AtomicOutput.Write(plan, PruningPlan.Create(result, request, CommandLine).ToJson());
        terminal.Result(() => ToJson(result, selection, output), () => Show(terminal, result, selection, output));
        return Task.FromResult(ExitCode.Done);
    }

    private static Task<int> Structurally(ParseResult parsed, bool isPlanGiven, string? output, Terminal terminal)
    {
        var (path, plan) = (parsed.GetRequiredValue(Path), parsed.GetValue(Plan));
        if (isPlanGiven)
        {
            CarryOut(path, output, StructuralPlan.Load(plan!), parsed, terminal);
            return Task.FromResult(ExitCode.Done);
        }
        if (IsOfLayersOrTokens(parsed))
            return LayersOrTokens(parsed, output, terminal);
        var pruning = StructuralPruning.Run(path, output, Groups(parsed), null, plan, parsed, terminal);
        terminal.Result(pruning.ToJson, () => pruning.Show(terminal));
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>Carries out a plan of blocks, of channels, or of both.</summary>
    private static void CarryOut(string path, string? output, StructuralPlan plan, ParseResult parsed, Terminal terminal)
    {
        if (plan is { Blocks: not null, Tensors: [] })
        {
            var shorter = ResidualPruning.Run(path, output, plan, true, parsed, terminal);
            terminal.Result(shorter.ToJson, () => shorter.Show(terminal));
            return;
        }
        var pruning = plan.Blocks is null ? StructuralPruning.Run(path, output, null, plan, null, parsed, terminal)
            : ShorterAndNarrower(path, output, plan, parsed, terminal);
        terminal.Result(pruning.ToJson, () => pruning.Show(terminal));
    }

    /// <summary>Leaves out blocks, then cuts channels of what is left; each is verified.</summary>
    private static StructuralPruning ShorterAndNarrower(string path, string? output, StructuralPlan plan, ParseResult parsed, Terminal terminal)
    {
        var folder = Directory.CreateTempSubdirectory("coppice-");
        try
        {
            var between = System.IO.Path.Combine(folder.FullName, System.IO.Path.GetFileName(path));
            var shorter = ResidualPruning.Run(path, between, plan with { Tensors = [], Paddings = [], Config = [] }, false, parsed, terminal);
            return StructuralPruning.Run(between, output, null, plan with { Blocks = null }, null, parsed, terminal)
                with { Before = shorter.Before, LeftOut = shorter.Removed };
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Task<int> LayersOrTokens(ParseResult parsed, string? output, Terminal terminal)
    {
        var granularity = parsed.GetValue(Granularity)!;
        (granularity == Vocabulary ? OfVocabulary : Directory.Exists(parsed.GetRequiredValue(Path)) ? OfLayers : OfResidualBlocks)
            .RefuseOthers(parsed);
        if (parsed.GetValue(Amount) is not { } amount)
            throw new UsageException($"--granularity {granularity} takes --amount, a share of the "
                + $"{(granularity == Layer ? "blocks, or their number" : "tokens")}.");
        var path = parsed.GetRequiredValue(Path);
        if (granularity == Layer)
            Layers(path, output, UsageException.Of(() => PruneAmount.Parse(amount)), parsed, terminal);
        else
        {
            var pruning = VocabularyPruning.Run(path, output, StructuralOptions.ShareOf(amount), parsed, terminal);
            terminal.Result(pruning.ToJson, () => pruning.Show(terminal));
        }
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>Blocks of a folder's transformer, which move up, or residual blocks of anything else.</summary>
    private static void Layers(string path, string? output, PruneAmount amount, ParseResult parsed, Terminal terminal)
    {
        if (parsed.GetValue(StructuralOptions.Importance) is { } measure && !LayerPruning.Measures.Contains(measure))
            throw new UsageException($"--criterion {measure} scores channels, not blocks; give {string.Join(" or ", LayerPruning.Measures)}.");
        var model = terminal.Busy("tracing the model",
            () => OpenedModel.Open(path, parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input)));
        if (model.Folder is not { } folder)
        {
            var pruning = ResidualPruning.Run(path, model, output, amount, parsed.GetValue(Plan), parsed, terminal);
            terminal.Result(pruning.ToJson, () => pruning.Show(terminal));
            return;
        }
        var shorter = LayerPruning.Run(model, folder, output, amount, parsed, terminal);
        terminal.Result(shorter.ToJson, () => shorter.Show(terminal));
    }

    /// <summary>Whether --plan names what to do: nothing else does.</summary>
    private static bool IsPlanGiven(ParseResult parsed)
    {
        Option[] amounts = [Amount, Ratio, .. StructuralOptions.Targets];
        if (parsed.GetValue(Plan) is not { } plan || IsOfLayersOrTokens(parsed) || IsOfNm(parsed)
            || Array.Exists(amounts, option => parsed.GetResult(option) is not null))
            return false;
        if (!File.Exists(plan))
            throw new UsageException($"There is no plan {plan} to carry out; to write one there, give --amount or a target too.");
        return true;
    }

    private static void CheckPlanOptions(ParseResult parsed)
    {
        OfPlan.RefuseOthers(parsed);
        if (Mode.IsGiven(StructuralOptions.Calibration, parsed) && !Mode.IsGiven(StructuralOptions.Compensate, parsed))
            throw new UsageException($"{StructuralOptions.Calibration.Name} has nothing to do for a plan without --compensate; leave it out.");
    }

    /// <summary>A pattern says itself how much goes, so it has no amount beside a plan to be written.</summary>
    private static bool IsOfNm(ParseResult parsed) => parsed.GetValue(Granularity)?.Contains(':', StringComparison.Ordinal) is true;

    private static bool IsOfLayersOrTokens(ParseResult parsed) => parsed.GetValue(Granularity) is { } granularity
        && (granularity == Layer || granularity == Vocabulary);

    /// <summary>Heads and neurons have no masks of their own; other options that only structural pruning has ask for it too, but for those that
    /// just describe the model.</summary>
    private static bool IsStructural(ParseResult parsed) => parsed.GetValue(Granularity) is { } granularity
            && (granularity == Vocabulary || GroupPruning.Granularities.ContainsKey(granularity) && granularity != MethodOptions.Channel)
        || StructuralOptions.OfPruning.Except([StructuralOptions.Arch, StructuralOptions.Input]).Any(option => Mode.IsGiven(option, parsed));

    private static GroupPruning Groups(ParseResult parsed)
    {
        OfGroups.RefuseOthers(parsed);
        if (StructuralOptions.Targets.Append(Amount).Count(option => parsed.GetResult(option) is not null) != 1)
            throw new UsageException($"Give one of --amount, {string.Join(", ", StructuralOptions.Targets.Select(option => option.Name))}"
                + (Mode.IsGiven(Ratio, parsed) ? " beside --ratio: for the groups that no --ratio matches (0: nothing of them)." : "."));
        var granularity = CutGranularity.All;
        if (parsed.GetValue(Granularity) is { } word && !GroupPruning.Granularities.TryGetValue(word, out granularity))
            throw new UsageException($"--granularity {word} is none of structural pruning: {string.Join(", ", GroupPruning.Granularities.Keys)}, {Vocabulary}.");
        var groups = new GroupPruning
        {
            Ratio = parsed.GetValue(Amount) is { } amount ? StructuralOptions.ShareOf(amount) : null,
            OwnRatios = [.. (parsed.GetValue(Ratio) ?? []).Select(StructuralOptions.RatioOf)],
            TargetMacs = parsed.GetValue(StructuralOptions.TargetMacs),
            TargetParameters = parsed.GetValue(StructuralOptions.TargetParameters),
            Scope = parsed.GetValue(Scope) switch
            {
                "global" => GroupScope.Global,
                "isomorphic" => GroupScope.Isomorphic,
                _ => GroupScope.PerGroup,
            },
            RankedTogether = parsed.GetValue(StructuralOptions.RankTogether) ?? [],
            MaxRatio = parsed.GetValue(StructuralOptions.MaxRatio) ?? 1,
            RoundTo = parsed.GetValue(StructuralOptions.RoundTo) ?? 1,
            Kinds = GroupPruning.KindsOf(granularity),
            Include = parsed.GetValue(Include) ?? [],
            Exclude = parsed.GetValue(Exclude) ?? [],
        };
        return UsageException.Of(() =>
        {
            groups.Validate();
            return groups;
        });
    }

    private static string CommandLine => "coppice " + string.Join(' ', Environment.GetCommandLineArgs()[1..].Select(word => word.Contains(' ') ? $"\"{word}\"" : word));

    private static PruneRequest Request(ParseResult parsed)
    {
        if (parsed.GetValue(Scope) == "isomorphic")
            throw new UsageException("--scope isomorphic ranks groups of channels, heads or neurons: give --structural with it.");
        return UsageException.Of(() =>
        {
            var norm = parsed.GetValue(Norm) is { } text ? MethodOptions.ParseNorm(text) : (double?)null;
            var method = new MethodOptions(parsed.GetRequiredValue(Method), parsed.GetValue(Granularity), norm, parsed.GetValue(Dim)).ToMethod();
            var request = new PruneRequest(method, parsed.GetValue(Amount) is { } amount ? PruneAmount.Parse(amount) : null)
            {
                OwnAmounts = [.. (parsed.GetValue(Ratio) ?? []).Select(WeightAmount.Parse)],
                Scope = parsed.GetValue(Scope) == "global" ? PruneScope.Global : PruneScope.PerTensor,
                Semantics = SavingOptions.SemanticsOf(parsed),
                Seed = parsed.GetValue(CommonOptions.Seed),
            };
            request.Validate();
            return request;
        });
    }

    private static JsonObject ToJson(PruneResult result, WeightSelection selection, string? output) => new()
    {
        ["output"] = output,
        ["scope"] = new JsonObject
        {
            ["weights"] = result.Weights.Count,
            ["elements"] = result.Elements,
            ["share"] = selection.Share,
            ["pruned"] = result.Pruned,
            ["sparsity"] = result.ScopeSparsity,
        },
        ["model"] = new JsonObject { ["parameters"] = result.Parameters, ["zeros"] = result.ModelZeros, ["sparsity"] = result.ModelSparsity },
        ["warnings"] = new JsonArray([.. result.Warnings.Select(warning => JsonValue.Create(warning))]),
        ["tensors"] = new JsonArray([.. result.Weights.Select(weight => new JsonObject
        {
            ["name"] = weight.Weight.Name,
            ["aliases"] = new JsonArray([.. weight.Weight.Aliases.Select(alias => JsonValue.Create(alias))]),
            ["shape"] = new JsonArray([.. weight.Weight.Source.Shape.Select(size => JsonValue.Create(size))]),
            ["pruned"] = weight.Pruned,
            ["zeros_before"] = weight.ZerosBefore,
            ["zeros_after"] = weight.ZerosAfter,
            ["threshold"] = weight.Threshold,
        })]),
    };

    private static void Show(Terminal terminal, PruneResult result, WeightSelection selection, string? output)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("weight").AddColumn("shape")
            .AddColumn(new TableColumn("pruned").RightAligned()).AddColumn(new TableColumn("zeros before").RightAligned())
            .AddColumn(new TableColumn("zeros after").RightAligned()).AddColumn(new TableColumn("sparsity").RightAligned());
        foreach (var weight in result.Weights)
        {
            var source = weight.Weight.Source;
            table.AddRow(Markup.Escape(string.Join(" = ", weight.Weight.Aliases.Prepend(weight.Weight.Name))), Markup.Escape(source.Shape.ToString()),
                $"{weight.Pruned:N0}", $"{weight.ZerosBefore:N0}", $"{weight.ZerosAfter:N0}",
                Reports.Percent(source.Count == 0 ? 0 : (double)weight.ZerosAfter / source.Count));
        }
        terminal.Show(table);
        terminal.Line($"in scope: {result.Weights.Count} weights, {result.Elements:N0} elements ({Reports.Percent(selection.Share)} of the parameters), "
            + $"sparsity {Reports.Percent(result.ScopeSparsity)}");
        terminal.Line($"whole model: {result.Parameters:N0} parameters, {result.ModelZeros:N0} zeros, sparsity {Reports.Percent(result.ModelSparsity)}");
        terminal.Line(output is null ? "dry run: nothing was written." : $"saved: {output}");
        if (output is not null)
            terminal.Note("Zeros alone make a file compress better, not a dense model run faster. See: coppice compare BEFORE AFTER");
    }
}
