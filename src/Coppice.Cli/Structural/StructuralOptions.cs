using System.CommandLine;
using System.Globalization;
using Coppice.Models.Vision;
using Coppice.Pruning.Dependency;

namespace Coppice.Cli.Structural;

/// <summary>Options of the verbs that look at a model's structure, and what they mean.</summary>
internal static class StructuralOptions
{
    private const int CalibrationBatch = 16;
    private const int CalibrationBatches = 8;

    public static readonly Option<string?> Arch = new("--arch")
    {
        Description = $"Architecture of an image classifier's file of weights: {string.Join(", ", VisionModels.Known)}.",
    };

    public static readonly Option<string[]> Input = new("--input")
    {
        Description = "Tokens, or height and width of the image, that the model is run with (default: 64 tokens; the architecture's image). Of "
            + "an ONNX model the sizes of an input, NAME=1x3x224x224, or without NAME of its only one; repeatable.",
    };

    public static readonly Option<bool> Structural = new("--structural")
    {
        Description = "Cut channels, heads or neurons out of the model for good, together with all that depends on them.",
    };

    public static readonly Option<string?> Importance = new Option<string?>("--importance")
    {
        Description = "Structural: what says which go: l1 (default), l2, bn (scale of batch normalisation), fpgm (nearest to the geometric "
            + "median), taylor (needs --data), random.",
    }.AcceptOnlyFromAmong("l1", "l2", "bn", "fpgm", "taylor", "random");

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

    public static readonly Option<string?> Data = new("--data")
    {
        Description = "Structural: examples that --importance taylor takes gradients from.",
    };

    /// <summary>Those of pruning.</summary>
    public static IReadOnlyList<Option> OfPruning =>
        [Structural, Arch, Input, Importance, RoundTo, MaxRatio, TargetMacs, TargetParameters, Data, PixelOptions.Mean, PixelOptions.Std];

    /// <summary>What says which indices go, by its name.</summary>
    public static GroupImportance ImportanceOf(ParseResult parsed, OpenedModel model)
    {
        var name = parsed.GetValue(Importance) ?? "l1";
        if (name == "taylor" != parsed.GetValue(Data) is not null)
            throw new UsageException("--importance taylor and --data FILE go together.");
        if (parsed.GetValue(Data) is { } data)
            CalibrationGradients.Accumulate(model.Task,
                new(model.Read(data, parsed), new() { BatchSize = CalibrationBatch, Shuffle = false }), CalibrationBatches);
        return new(name switch
        {
            "l1" => new GroupMagnitude(1),
            "l2" => new GroupMagnitude(2),
            "bn" => new GroupBatchNormScale(),
            "fpgm" => new GroupGeometricMedian(),
            "taylor" => new GroupTaylor(),
            _ => new GroupRandom(parsed.GetValue(CommonOptions.Seed)),
        });
    }

    /// <summary>A ratio of a group, of <c>GLOB=RATIO</c>.</summary>
    public static GroupRatio RatioOf(string text)
    {
        var split = text.LastIndexOf('=');
        return split > 0
            ? new(text[..split], ShareOf(text[(split + 1)..]))
            : throw new UsageException($"--ratio {text} is not GLOB=RATIO.");
    }

    /// <summary>A share in 0..1.</summary>
    public static double ShareOf(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1
            ? share
            : throw new UsageException($"{text} is no ratio in 0..1; structural pruning takes the same share of different groups, not a count.");
}
