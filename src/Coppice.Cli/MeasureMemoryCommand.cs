using System.CommandLine;
using Coppice.Cli.Structural;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Cli;

/// <summary>A hidden verb that <c>compare</c> runs in a process of its own: loads a model, runs it once, prints its peak memory in bytes.</summary>
internal static class MeasureMemoryCommand
{
    public const string Name = "measure-memory";

    /// <summary>How many tokens a folder's model is run on.</summary>
    public const int Tokens = 32;

    private static readonly Argument<string> Path = Arguments.Path();

    public static Command Create()
    {
        var command = new Command(Name, "Print the peak memory of loading a model and running it once.") { Path, StructuralOptions.Arch, StructuralOptions.Input };
        command.Hidden = true;
        command.SetWork((parsed, terminal, _) =>
        {
            using var scope = new TensorScope();
            Run(parsed.GetRequiredValue(Path), parsed);
            terminal.Line($"{ProcessMemory.Measure().PeakResident}");
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }

    private static void Run(string path, ParseResult parsed)
    {
        if (Weights.IsOnnx(path))
        {
            using var file = OnnxFile.Open(path);
            var model = new OnnxModule(file);
            model.Forward(OnnxExamples.Of(model, InputSizes.Of(parsed.GetValue(StructuralOptions.Input) ?? [])));
        }
        else if (parsed.GetValue(StructuralOptions.Arch) is { } name)
        {
            var model = PretrainedVisionModel.Open(path, name);
            var side = InputSizes.LengthOf(parsed.GetValue(StructuralOptions.Input) ?? []) ?? model.Architecture.Size;
            model.Classifier.Forward(Tensor.Zeros([1, model.Architecture.Channels, side, side]));
        }
        else
        {
            var (model, ids) = (PretrainedModel.Open(path), Tensor.Zeros([1, Tokens], DType.I64));
            if (model.Module is ICausalLanguageModel languageModel)
                languageModel.Forward(ids);
            else
                model.TextClassifier.Forward(ids);
        }
    }
}
