using System.CommandLine;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Cli;

/// <summary>A hidden verb that <c>compare</c> runs in a process of its own: loads a model, runs it once, prints its peak memory in bytes.</summary>
internal static class MeasureMemoryCommand
{
    public const string Name = "measure-memory";

    private const int Tokens = 32;

    private static readonly Argument<string> Path = Arguments.Path();

    public static Command Create()
    {
        var command = new Command(Name, "Print the peak memory of loading a model and running it once.") { Path };
        command.Hidden = true;
        command.SetWork((parsed, _, _) =>
        {
            var pretrained = PretrainedModel.Open(parsed.GetRequiredValue(Path));
            using var scope = new TensorScope();
            var ids = Tensor.Zeros([1, Tokens], DType.I64);
            if (pretrained.Module is ICausalLanguageModel languageModel)
                languageModel.Forward(ids);
            else
                pretrained.TextClassifier.Forward(ids);
            Terminal.Line($"{ProcessMemory.Measure().PeakResident}");
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
