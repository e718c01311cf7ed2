using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Coppice.Models.Vision;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Cli.Structural;

/// <summary>Options of the verbs that look at a model's structure, and what they mean.</summary>
internal static class StructuralOptions
{
    private const string RandomInputs = "random";

    // What slimming masks is known to a recipe alone.
    private static readonly string[] Criteria =
        [.. GroupCriteria.Names.Where(entry => entry.Value != CutCriterion.Slimming).Select(entry => entry.Key)];

    public static readonly Option<string?> Arch = new("--arch")
    {
        Description = $"Architecture of an image classifier's file of weights: {string.Join(", ", VisionModels.Known)}.",
        Validators = { RefuseUnknownArchitecture },
    };

    public static readonly Option<string[]> Input = new("--input")
    {
        Description = "Tokens, or height and width of the image, that the model is run with (default: 64 tokens; the architecture's image). Of "
            + "an ONNX model the sizes of an input, NAME=1x3x224x224, or without NAME of its only one; an input without axes takes "
            + "its value, 0 or more. Repeatable.",
    };

    public static readonly Option<bool> Structural = new("--structural")
    {
        Description = "Cut channels, heads or neurons out of the model for good, together with all that depends on them.",
    };

    public static readonly Option<string?> Importance = new Option<string?>("--criterion", "--importance")
    {
        Description = "Structural: what says which go: l1 (default), l2, bn (scale of batch normalisation), fpgm (nearest to the geometric "
            + "median), lamp, random; with --calibration: activation, wanda, taylor, taylor2, fisher, hessian. Of layers: block-influence "
            + "(default), or angular for a folder's.",
    }.AcceptOnlyFromAmong(Criteria);

    public static readonly Option<string?> Reduction = new Option<string?>("--reduction")
    {
        Description = "Structural: how the scores of a group's members become one: mean (default), sum, max, product, first.",
    }.AcceptOnlyFromAmong([.. GroupImportance.Reductions.Keys]);

    public static readonly Option<string?> Normalizer = new Option<string?>("--normalizer")
    {
        Description = "Structural: what scores of a group are divided by: mean (default), max, lamp, none.",
    }.AcceptOnlyFromAmong([.. GroupImportance.Normalizers.Keys]);

    public static readonly Option<int?> RoundTo = new("--round-to") { Description = "Structural: sizes left become multiples of this." };
    public static readonly Option<double?> MaxRatio = new("--max-ratio")
    {
        Description = "Structural: most of a group that may go (default: 1; one index always stays).",
    };

    public static readonly Option<double?> TargetMacs = new("--target-macs")
    {
        Description = "Structural, instead of --amount: share of the multiply-accumulates to keep.",
    };

    public static readonly Option<double?> TargetParameters = new("--target-params")
    {
        Description = "Structural, instead of --amount: share of the parameters to keep.",
    };

    public static readonly Option<bool> Uniform = new("--uniform")
    {
        Description = "Structural: all layers of a folder's model keep equally many heads and neurons, which config.json can say (default: "
            + "true; without effect beside --include, --exclude and --ratio).",
        DefaultValueFactory = _ => true,
    };

    public static readonly Option<string?> TargetLatency = new("--target-latency")
    {
        Description = "Structural, instead of --amount: time for one input, such as 8ms, measured here in turns with the model as it is.",
    };

    public static readonly Option<string?> TargetSize = new("--target-size")
    {
        Description = "Structural, instead of --amount: size of the weight files, such as 2MB or 800kB (1 MB = 1024 kB).",
    };

    public static readonly Option<string[]> RankTogether = new("--rank-together")
    {
        Description = "Structural: rank the groups that this glob matches together, the others each by itself; repeatable.",
    };

    public static readonly Option<string?> Calibration = new("--calibration", "--data")
    {
        Description = "Structural: examples to calibrate on (text, labelled text, images), or 'random' where no targets are needed.",
    };

    public static readonly Option<string[]> Compensate = new("--compensate")
    {
        Description = "Structural: make up for what was removed, without training, on --calibration: least-squares or bias, and batch-norm.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Those of pruning.</summary>
    public static IReadOnlyList<Option> OfPruning =>
        [Structural, Arch, Input, Importance, Reduction, Normalizer, RankTogether, RoundTo, MaxRatio, .. Targets, Uniform, Calibration, Compensate,
            PixelOptions.Mean, PixelOptions.Std];

    /// <summary>Those that say what to keep, instead of an amount to remove.</summary>
    public static IReadOnlyList<Option> Targets => [TargetMacs, TargetParameters, TargetLatency, TargetSize];

    /// <summary>What says which indices go, by its name.</summary>
    public static GroupImportance ImportanceOf(ParseResult parsed, OpenedModel model, IReadOnlyList<IReadOnlyList<Tensor>>? inputs)
    {
        var name = parsed.GetValue(Importance) ?? "l1";
        var criterion = GroupCriteria.Names[name];
        if (GroupCriteria.OfLayers.Contains(criterion))
            throw new UsageException($"--criterion {name} is about layers, not about channels, heads or neurons.");
        if (GroupCriteria.NeedsInputs(criterion) && inputs is null)
            throw new UsageException($"--criterion {name} looks at activations: give --calibration FILE, or --calibration random.");
        if (Mode.IsGiven(Normalizer, parsed) && criterion == CutCriterion.Lamp)
            throw new UsageException($"{Normalizer.Name} does not go with --criterion {name}, which has its own; leave it out.");
        var data = DataOf(parsed);
        if (parsed.GetValue(Calibration) is not null && !GroupCriteria.NeedsInputs(criterion) && !GroupCriteria.NeedsExamples(criterion)
            && parsed.GetValue(Compensate) is not { Length: > 0 })
            throw new UsageException($"{Calibration.Name} is not looked at by --criterion {name}, and by nothing else without --compensate; leave "
                + "it out, or give one of them that does.");
        if (GroupCriteria.NeedsExamples(criterion) && data is null)
            throw new UsageException($"--criterion {name} goes by gradients: give examples with --calibration FILE.");
        var sources = new CriterionSources(model.Traced.Graph, inputs ?? [], () => model.Task,
            batch => new(model.Read(data!, parsed), new() { BatchSize = batch, Shuffle = false }))
        {
            Seed = parsed.GetValue(CommonOptions.Seed),
        };
        return GroupCriteria.ImportanceOf(criterion, sources, GroupImportance.Reductions[parsed.GetValue(Reduction) ?? "mean"],
            GroupImportance.Normalizers[parsed.GetValue(Normalizer) ?? "mean"]);
    }

    /// <summary>The file of examples; null where there is none, or inputs at random.</summary>
    public static string? DataOf(ParseResult parsed) => parsed.GetValue(Calibration) is { } given and not RandomInputs ? given : null;

    /// <summary>What the graph is calibrated on; null where nothing is given.</summary>
    public static IReadOnlyList<IReadOnlyList<Tensor>>? InputsOf(ParseResult parsed, OpenedModel model) => parsed.GetValue(Calibration) switch
    {
        null => null,
        RandomInputs => [.. Enumerable.Range(0, CriterionSources.UsualCount).Select(i => model.Traced.RandomInputs(parsed.GetValue(CommonOptions.Seed) + i))],
        var data => model.Inputs(data, CriterionSources.UsualCount, parsed),
    };

    private static void RefuseUnknownArchitecture(OptionResult result)
    {
        if (result.GetValueOrDefault<string?>() is { } name && VisionModels.Find(name) is null)
            result.AddError($"--arch {name} is none of {string.Join(", ", VisionModels.Known)}.");
    }

    /// <summary>A ratio of a group, of <c>GLOB=RATIO</c>.</summary>
    public static GroupRatio RatioOf(string text)
    {
        var (glob, ratio) = UsageException.Of(() => WeightAmount.Split(text));
        return new(glob, ShareOf(ratio));
    }

    /// <summary>A share in 0..1.</summary>
    public static double ShareOf(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1
            ? share
            : throw new UsageException($"{text} is no ratio in 0..1; structural pruning takes the same share of different groups, not a count.");
}
