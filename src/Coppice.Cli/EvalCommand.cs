using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Cli.Structural;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Tokenizers;

namespace Coppice.Cli;

/// <summary><c>coppice eval</c>: perplexity on a text, or classification of labelled examples.</summary>
internal static class EvalCommand
{
    private static readonly Argument<string> Path = Arguments.Path(description: "Hugging Face folder of a model, an ONNX image classifier, or with --arch an image classifier's file of weights.");
    private static readonly Option<string?> Text = Arguments.Text();
    private static readonly Option<int?> Context = Arguments.Context();
    private static readonly Option<int?> Stride = Arguments.Stride();
    private static readonly Option<int?> Windows = Arguments.Windows();
    private static readonly Option<string?> Data = Arguments.Data();
    private static readonly Option<string> Task = new Option<string>("--task")
    {
        Description = "What --data is for; the only task so far.",
        DefaultValueFactory = _ => "classification",
    }.AcceptOnlyFromAmong("classification");

    private static readonly Mode OnText = new("--text", Text, Context, Stride, Windows) { Advice = ", or give --data FILE instead" };
    private static readonly Mode OnLabelledTexts = new("--data and a folder", Data, Task);
    private static readonly Mode OnImages = new("--data and --arch", Data, Task, StructuralOptions.Arch);
    private static readonly Mode OnImagesOfOnnx = new("--data and an ONNX file", Data, Task, PixelOptions.Mean, PixelOptions.Std);

    public static Command Create()
    {
        var command = new Command("eval", Arguments.WithExample("Measure a model: perplexity on text, or accuracy and F1 on labelled examples.",
            "coppice eval samples/models/gpt2-student --text samples/data/tinyshakespeare-test.txt --context 256 --windows 100",
            "coppice eval samples/models/bert-thucnews --data samples/data/thucnews/dev-1000.txt --task classification",
            "coppice eval samples/models/cifar10-resnet/resnet20-12fca82f.th --arch resnet20 --data samples/data/cifar10/test-500.bin",
            "coppice eval samples/models/onnx/mnist_cntk.onnx --data samples/data/mnist/t10k-images-idx3-ubyte.gz --std 0.003921569"))
        {
            Path, Text, Context, Stride, Windows, Data, Task, StructuralOptions.Arch, PixelOptions.Mean, PixelOptions.Std,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var (path, text, data) = (parsed.GetRequiredValue(Path), parsed.GetValue(Text), parsed.GetValue(Data));
        if (text is null == data is null)
            throw new UsageException("Give either --text FILE (perplexity) or --data FILE (classification).");
        if (text is not null && Weights.IsOnnx(path))
            throw new UsageException("ONNX files are measured as image classifiers; give --data FILE.");
        var architecture = parsed.GetValue(StructuralOptions.Arch);
        var mode = text is not null ? OnText : Weights.IsOnnx(path) ? OnImagesOfOnnx : architecture is null ? OnLabelledTexts : OnImages;
        mode.RefuseOthers(parsed);
        if (mode == OnText)
            Perplexity(parsed, terminal, path, text!, cancellation);
        else if (mode == OnImagesOfOnnx)
            ClassifyImages(parsed, terminal, path, data!, cancellation);
        else if (mode == OnImages)
            ClassifyImages(terminal, path, architecture!, data!, cancellation);
        else
            Classify(terminal, path, data!, cancellation);
        return System.Threading.Tasks.Task.FromResult(ExitCode.Done);
    }

    private static void Perplexity(ParseResult parsed, Terminal terminal, string path, string text, CancellationToken cancellation)
    {
        var model = PretrainedModel.Open(path).CausalLanguageModel;
        var windows = TextWindows.Read(text, Tokenizer.FromFolder(path), model, parsed.GetValue(Context), parsed.GetValue(Stride), parsed.GetValue(Windows));
        var result = terminal.Progress("perplexity", "windows", windows.Count, progress => LanguageModelEvaluation.Perplexity(model, windows, progress, cancellation));
        terminal.Result(
            () => new JsonObject
            {
                ["perplexity"] = result.Value,
                ["nll_sum"] = result.NllSum,
                ["targets"] = result.Tokens,
                ["windows"] = windows.Count,
                ["context"] = windows.Context,
                ["stride"] = windows.Stride,
            },
            () => terminal.Line($"perplexity {result.Value:F4} over {result.Tokens:N0} tokens in {windows.Count} windows of {windows.Context}"));
    }

    private static void Classify(Terminal terminal, string path, string data, CancellationToken cancellation)
    {
        var task = ClassificationTask.Open(path, data);
        var predicted = terminal.Progress("classify", "examples", task.Labels.Count, progress => task.Predict(progress, cancellation));
        var report = task.Measure(predicted.Classes);
        terminal.Result(() => Reports.ToJson(report), () => Reports.Show(terminal, report));
    }

    private static void ClassifyImages(ParseResult parsed, Terminal terminal, string path, string data, CancellationToken cancellation)
    {
        using var file = OnnxFile.Open(path);
        var model = new OnnxImageClassifier(new OnnxModule(file));
        ClassifyImages(terminal, model, data,
            (images, progress) => ImageClassification.Predict(model, PixelOptions.Apply(parsed, model, images), progress, cancellation));
    }

    private static void ClassifyImages(Terminal terminal, string path, string architecture, string data, CancellationToken cancellation)
    {
        var model = PretrainedVisionModel.Open(path, architecture);
        ClassifyImages(terminal, model.Classifier, data, (images, progress) => ImageClassification.Predict(model, images, progress, cancellation));
    }

    private static void ClassifyImages(
        Terminal terminal, ImageClassifier classifier, string data, Func<ImageData, IProgress<double>, Predictions> predict)
    {
        var images = ImageData.Read(data);
        var predicted = terminal.Progress("classify", "images", images.Count, progress => predict(images, progress));
        var report = ImageClassification.Measure(classifier, images, predicted.Classes);
        terminal.Result(() => Reports.ToJson(report), () => Reports.Show(terminal, report));
    }
}
