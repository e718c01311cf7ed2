using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Cli.Structural;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Onnx.Export;

namespace Coppice.Cli;

/// <summary><c>coppice export</c>: writes a model as ONNX.</summary>
internal static class ExportCommand
{
    private static readonly Argument<string> Path =
        Arguments.Path(description: "Hugging Face folder of a model, or with --arch an image classifier's file of weights.");

    private static readonly Option<string?> Output = new("--output", "-o") { Description = "The .onnx file to write." };

    private static readonly Option<int?> Input = new("--input")
    {
        Description = "Height and width of the images (default: the architecture's). Batch and tokens may have any size.",
    };

    private static readonly Option<int> Opset = new("--opset")
    {
        Description = $"Version of ONNX's operators, {OnnxExport.FirstOpset} to {OnnxExport.LastOpset} (default: {OnnxExport.FirstOpset}).",
        DefaultValueFactory = _ => OnnxExport.FirstOpset,
    };

    private static readonly Option<bool> Mask = new("--mask")
    {
        Description = "Give a causal language model an attention_mask, for batches with padding; classifiers always have one.",
    };

    private static readonly Option<bool> Past = new("--past")
    {
        Description = "Give a causal language model keys and values of past positions, to generate one token at a time.",
    };

    public static Command Create()
    {
        var command = new Command("export", Arguments.WithExample(
            "Write a model as ONNX: masks as zeros, pruned models at the sizes they have now. The file is run beside the model before it appears.",
            "coppice export samples/models/gpt2-student -o gpt2.onnx",
            "coppice export samples/models/cifar10-resnet/resnet20-12fca82f.th --arch resnet20 -o resnet20.onnx"))
        {
            Path, Output, StructuralOptions.Arch, Input, Opset, Mask, Past, SavingOptions.Overwrite,
        };
        Opset.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < OnnxExport.FirstOpset or > OnnxExport.LastOpset)
                result.AddError($"--opset must be from {OnnxExport.FirstOpset} to {OnnxExport.LastOpset}.");
        });
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var output = parsed.GetValue(Output) ?? throw new UsageException("Say where to write with -o OUT.onnx.");
        SavingOptions.RefuseExisting(output, "-o", parsed);
        var model = terminal.Busy("tracing the model", () => Trace(parsed));
        cancellation.ThrowIfCancellationRequested();
        double difference;
        try
        {
            difference = terminal.Busy("writing and verifying",
                () => OnnxExport.Save(model, output, parsed.GetValue(Opset), parsed.GetValue(SavingOptions.Overwrite)));
        }
        catch (ExportException error)
        {
            terminal.Error(error.Message);
            return Task.FromResult(ExitCode.Refused);
        }
        terminal.Result(() => ToJson(model.Graph, output, parsed.GetValue(Opset), difference), () => Show(terminal, model.Graph, output, difference));
        return Task.FromResult(ExitCode.Done);
    }

    private static TracedModel Trace(ParseResult parsed)
    {
        var (path, architecture, size) = (parsed.GetRequiredValue(Path), parsed.GetValue(StructuralOptions.Arch), parsed.GetValue(Input));
        var inputs = (parsed.GetValue(Mask), parsed.GetValue(Past)) switch
        {
            (true, true) => throw new UsageException("--mask and --past don't go together: without padding there is nothing to mask."),
            (true, _) => TextInputs.Mask,
            (_, true) => TextInputs.Past,
            _ => TextInputs.Ids,
        };
        if (architecture is not null)
            return inputs == TextInputs.Ids ? ExportTrace.Of(PretrainedVisionModel.Open(path, architecture), size)
                : throw new UsageException("--mask and --past are of text models; leave them out with --arch.");
        if (size is not null)
            throw new UsageException("--input is the size of images; the tokens of a text model may be any number.");
        if (Weights.IsOnnx(path))
            throw new UsageException($"{path} is an ONNX file already.");
        return Directory.Exists(path) ? ExportTrace.Of(PretrainedModel.Open(path), inputs) : throw OpenedModel.NeedsArchitecture(path);
    }

    private static JsonObject ToJson(Graph graph, string output, int opset, double difference) => new()
    {
        ["output"] = output,
        ["opset"] = opset,
        ["inputs"] = Described(graph.Inputs.Select(input => (input.Name, (Value)input))),
        ["outputs"] = Described(graph.Outputs.Select(entry => (entry.Name, entry.Value))),
        ["verification"] = new JsonObject { ["largest_difference"] = difference },
    };

    private static JsonArray Described(IEnumerable<(string Name, Value Value)> values) => [.. values.Select(entry => new JsonObject
    {
        ["name"] = entry.Name,
        ["type"] = $"{entry.Value.DType}",
        ["shape"] = new JsonArray([.. entry.Value.Dims.Select(dim => dim.Constant is { } size ? JsonValue.Create(size) : JsonValue.Create($"{dim}"))]),
    })];

    private static void Show(Terminal terminal, Graph graph, string output, double difference)
    {
        foreach (var input in graph.Inputs)
            terminal.Line($"takes {input}");
        foreach (var (name, value) in graph.Outputs)
            terminal.Line($"gives {name} {value.DType} [{string.Join(", ", value.Dims)}]");
        terminal.Line($"verified: the file gives the model's outputs at two sets of sizes, to {difference:G2} of the largest");
        terminal.Line($"saved: {output}");
    }
}
