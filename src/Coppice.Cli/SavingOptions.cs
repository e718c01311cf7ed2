using System.CommandLine;
using Coppice.Checkpoints;
using Coppice.Pruning;

namespace Coppice.Cli;

/// <summary>Options of the verbs that write a checkpoint, and what they mean.</summary>
internal static class SavingOptions
{
    public static readonly Option<string?> Output =
        new("--output", "-o") { Description = "Where to write: a folder for a folder, a file for a file." };

    public static readonly Option<string> Semantics = new Option<string>("--semantics")
    {
        Description = "What a pruned weight becomes: strict (+0), or torch (0 times the weight), bit-equal with torch.nn.utils.prune.",
        DefaultValueFactory = _ => "strict",
    }.AcceptOnlyFromAmong("strict", "torch");

    public static readonly Option<string?> Format = new Option<string?>("--format")
    {
        Description = "safetensors or pytorch (default: as it came).",
    }.AcceptOnlyFromAmong("safetensors", "pytorch");

    public static readonly Option<bool> Overwrite = new("--overwrite") { Description = "Replace an existing output." };

    /// <summary>Refuses, before any work, an output that is there and must not be replaced.</summary>
    public static void RefuseExisting(string? output, string option, ParseResult parsed)
    {
        if (!parsed.GetValue(Overwrite) && System.IO.Path.Exists(output))
            throw new UsageException($"{output} exists; choose another {option}, or give --overwrite to replace it.");
    }

    /// <summary>Refuses to write an ONNX model as anything else, or anything else as one.</summary>
    public static void RefuseOtherKind(string input, string? output, ParseResult parsed)
    {
        if (output is not null && Weights.IsOnnx(input) != Weights.IsOnnx(output))
            throw new UsageException(Weights.IsOnnx(input) ? $"{input} is written as an ONNX model again: give an -o that ends in .onnx."
                : $"-o {output} names an ONNX model, which {input} is not; give it another ending.");
        if (Weights.IsOnnx(input) && parsed.GetValue(Format) is not null)
            throw new UsageException("--format is about files of weights; an ONNX model is written as ONNX. Leave it out.");
    }

    public static PruneSemantics SemanticsOf(ParseResult parsed) =>
        parsed.GetValue(Semantics) == "torch" ? PruneSemantics.Torch : PruneSemantics.Strict;

    /// <summary>Writes under a progress bar.</summary>
    /// <param name="parsed">The options.</param>
    /// <param name="terminal">Shows the progress.</param>
    /// <param name="checkpoint">What is written anew; its size tells how much is left.</param>
    /// <param name="save">Writes, with the options it is given.</param>
    public static void Save(ParseResult parsed, Terminal terminal, IWeightStore checkpoint, Action<SaveOptions> save) =>
        terminal.Progress("write", "bytes", checkpoint.Tensors.DistinctBy(tensor => tensor.Identity).Sum(tensor => tensor.ByteLength), progress =>
        {
            save(Of(parsed) with { Progress = new BytesTo(progress) });
            return true;
        });

    /// <summary>What the options say of the output.</summary>
    public static SaveOptions Of(ParseResult parsed) => new()
    {
        Format = parsed.GetValue(Format) switch
        {
            "safetensors" => CheckpointFormat.SafeTensors,
            "pytorch" => CheckpointFormat.PyTorch,
            _ => null,
        },
        Overwrite = parsed.GetValue(Overwrite),
    };

    private sealed class BytesTo(IProgress<double> progress) : IProgress<long>
    {
        public void Report(long value) => progress.Report(value);
    }
}
