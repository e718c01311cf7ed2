using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Cli.Structural;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Cli.Comparison;

/// <summary>A model that is run on tensors.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Traced">It, with its graph.</param>
/// <param name="Load">Opens it once more.</param>
/// <param name="Options">What says how it is opened, for a process that opens it too.</param>
internal sealed record RunnableModel(string Path, TracedModel Traced, Action Load, IReadOnlyList<string> Options);

/// <summary>Measures side by side two models that are run on tensors: ONNX files, and image classifiers with their architecture's name.</summary>
internal static class RunnableSections
{
    public static IEnumerable<IComparisonSection> Measure(
        string before, string after, ComparisonSettings settings, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var (first, second) = (Open(before, parsed, terminal), Open(after, parsed, terminal));
        RefuseOtherInputs(first.Traced, second.Traced, after);
        foreach (var section in Measure(Runnable(before, first, parsed), Runnable(after, second, parsed), settings, terminal))
            yield return section;
        if (settings.Data is not { } data)
            yield break;
        foreach (var section in Classify(first, second, data, settings, parsed, terminal, cancellation))
            yield return section;
    }

    /// <summary>Speed, memory and outputs of two models that take the same inputs.</summary>
    public static IEnumerable<IComparisonSection> Measure(
        RunnableModel first, RunnableModel second, ComparisonSettings settings, Terminal terminal)
    {
        var inputs = first.Traced.RandomInputs(settings.Seed);
        terminal.Note("measuring speed");
        var (cost, costAfter) = (ModelCost.Of(first.Traced.Graph), ModelCost.Of(second.Traced.Graph));
        yield return SpeedSection.OfLoading(first.Load, second.Load);
        yield return MemorySection.Measure([first.Path, .. first.Options], [second.Path, .. second.Options]);
        var times = Interleaved.Measure(() => Run(first.Traced, inputs), () => Run(second.Traced, inputs), settings.Rounds);
        yield return new SpeedSection("latency", "one input", times);
        yield return new CostSection(cost.Macs, costAfter.Macs, times.B.P50 / times.A.P50);
        yield return OutputsSection.Compare(first.Traced, second.Traced, inputs);
    }

    private static IEnumerable<IComparisonSection> Classify(OpenedModel first, OpenedModel second, string data, ComparisonSettings settings,
        ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var images = ImageData.Read(data);
        var (before, after) = (Predict("before", first), Predict("after", second));
        var labels = first.Classifier.Labels;
        if (second.Classifier.Labels != labels)
            throw new UsageException($"One model tells {labels} classes apart, the other {second.Classifier.Labels}; compare equals.");
        yield return new ClassificationSection(ImageClassification.Measure(first.Classifier, images, before.Classes),
            ImageClassification.Measure(second.Classifier, images, after.Classes),
            PairedDifference.Compute([.. images.Labels], before.Classes, after.Classes, labels, (ulong)settings.Seed));
        yield return new AgreementSection(OutputAgreement.Of(before.Logits, after.Logits), data);

        Predictions Predict(string which, OpenedModel model) => terminal.Progress($"classify {which}", "images", images.Count,
            progress => ImageClassification.Predict(model.Classifier, model.Read(data, parsed), progress, cancellation));
    }

    private static OpenedModel Open(string path, ParseResult parsed, Terminal terminal) =>
        terminal.Busy($"tracing {path}", () => OpenedModel.Open(path,
            Weights.IsOnnx(path) ? null : parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(StructuralOptions.Input)));

    private static RunnableModel Runnable(string path, OpenedModel model, ParseResult parsed) => new(path, model.Traced,
        Weights.IsOnnx(path) ? () => LoadOnnx(path) : () => PretrainedVisionModel.Open(path, parsed.GetValue(StructuralOptions.Arch)!), Options(parsed));

    /// <summary>Opens an ONNX file as a model.</summary>
    public static void LoadOnnx(string path)
    {
        using var file = OnnxFile.Open(path);
        _ = new OnnxModule(file);
    }

    /// <summary>The options that say how a model is opened, for a process that opens it too.</summary>
    private static string[] Options(ParseResult parsed) =>
    [
        .. parsed.GetValue(StructuralOptions.Arch) is { } architecture ? new[] { StructuralOptions.Arch.Name, architecture } : [],
        .. (parsed.GetValue(StructuralOptions.Input) ?? []).SelectMany(input => new[] { StructuralOptions.Input.Name, input }),
    ];

    private static void RefuseOtherInputs(TracedModel first, TracedModel second, string path)
    {
        var (a, b) = (Sizes(first), Sizes(second));
        if (a != b)
            throw new UsageException($"{path} takes {b} where the other model takes {a}; compare models with the same inputs, or give sizes "
                + "that both take with --input.");

        static string Sizes(TracedModel model) => string.Join(", ", model.Graph.Inputs.Select(input => $"{input.DType} {input.SampleShape}"));
    }

    private static void Run(TracedModel model, IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        model.Forward(inputs);
    }
}

/// <summary>Multiply-accumulates of both, beside what the clock says.</summary>
internal sealed class CostSection(long before, long after, double latencyRatio) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() => [new("macs", new JsonObject { ["before"] = before, ["after"] = after })];

    public IEnumerable<ComparisonRow> Rows() => [ComparisonRow.Of("multiply-accumulates", before, after, n => $"{n:N0}")];

    public IEnumerable<string> Remarks() => before == 0 ? []
        : [$"Multiply-accumulates are {(double)after / before:F3} of what they were, the measured latency is {latencyRatio:F3}."];
}

/// <summary>How far the outputs of both agree on the same random inputs.</summary>
internal sealed class OutputsSection(IReadOnlyList<OutputDifference> outputs) : IComparisonSection
{
    public static OutputsSection Compare(TracedModel before, TracedModel after, IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        var (first, second) = (before.Forward(inputs).Tensors, after.Forward(inputs).Tensors);
        if (first.Count != second.Count)
            throw new UsageException($"One model gives {first.Count} outputs, the other {second.Count}; compare equals.");
        return new([.. before.Graph.Outputs.Zip(first, second)
            .Select(output => OutputDifference.Of(output.First.Name, output.Second.Tensor, output.Third.Tensor))]);
    }

    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("outputs", new JsonArray([.. outputs.Select(output => new JsonObject
        {
            ["name"] = output.Name,
            ["largest_value"] = output.LargestValue,
            ["largest_difference"] = output.LargestDifference,
            ["cosine"] = output.Cosine,
        })])),
    ];

    public IEnumerable<ComparisonRow> Rows() => outputs.SelectMany(output => new ComparisonRow[]
    {
        new($"output '{output.Name}', largest difference", $"of {output.LargestValue:G4}", $"{output.LargestDifference:G4}"),
        new($"output '{output.Name}', cosine", "", $"{output.Cosine:F6}"),
    });

    public IEnumerable<string> Remarks() => ["Outputs by name were compared on random inputs."];
}
