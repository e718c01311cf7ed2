using System.CommandLine;

namespace Coppice.Cli;

/// <summary>Arguments and options that several verbs share.</summary>
internal static class Arguments
{
    private const string PathDescription = "A Hugging Face folder, or a .safetensors, .bin, .pt, .pth, .th or .onnx file.";

    public static Argument<string> Path(string name = "PATH", string description = PathDescription) =>
        new(name) { Description = description };

    public static Option<string?> Text() => new("--text") { Description = "Plain text file to measure perplexity on." };

    public static Option<string?> Data() => new("--data")
    {
        Description = "Labelled texts to classify, one text TAB label a line; of an image classifier a CIFAR or MNIST file or a folder of images.",
    };

    public static Option<int?> Context() =>
        AtLeast(2, new("--context") { Description = "Tokens in a window (default: the model's context, at most 1024)." });

    public static Option<int?> Stride() =>
        AtLeast(1, new("--stride") { Description = "Tokens from one window's start to the next (default: the context, so windows don't overlap)." });

    public static Option<int?> Windows() => AtLeast(1, new("--windows") { Description = "Use the first N windows only (default: all)." });

    private static Option<int?> AtLeast(int least, Option<int?> option)
    {
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < least)
                result.AddError($"{option.Name} must be {least} or more.");
        });
        return option;
    }

    /// <summary>The text after an option's name that shows it at work, as the last line of --help.</summary>
    public static string WithExample(string description, params string[] examples) =>
        $"{description}\n\nExample{(examples.Length > 1 ? "s" : "")}:\n  {string.Join("\n  ", examples)}";
}
