using System.CommandLine;
using System.Globalization;
using Coppice.Checkpoints;
using Coppice.Cli.Web;
using Coppice.Evaluation;
using Coppice.Evaluation.Sensitivity;
using Coppice.Models;
using Coppice.Tokenizers;

namespace Coppice.Cli;

/// <summary><c>coppice sensitivity</c>: quality against sparsity, one group of weights at a time.</summary>
internal static class SensitivityCommand
{
    private static readonly Argument<string> Path = Arguments.Path(description: "Hugging Face folder of a GPT-2 or BERT model.");
    private static readonly Option<string?> Text = Arguments.Text();
    private static readonly Option<int?> Context = Arguments.Context();
    private static readonly Option<int?> Stride = Arguments.Stride();
    private static readonly Option<int?> Windows = Arguments.Windows();
    private static readonly Option<string?> Data = Arguments.Data();
    private static readonly Option<string> Metric = new("--metric")
    {
        Description = "accuracy or f1 (macro), with --data.",
        DefaultValueFactory = _ => "accuracy",
    };
    private static readonly Option<string> Amounts = new("--amounts")
    {
        Description = "Fractions to prune, between commas.",
        DefaultValueFactory = _ => "0.1,0.3,0.5,0.7,0.9",
    };
    private static readonly Option<string> By = new("--by")
    {
        Description = "weight: each by itself; block: each transformer block.",
        DefaultValueFactory = _ => "weight",
    };
    private static readonly Option<string[]> Group = new("--group")
    {
        Description = "Prune the weights this glob matches together, instead of --by; repeatable.",
    };
    private static readonly Option<double> Budget = new("--budget")
    {
        Description = "Loss to suggest ratios for: relative increase of perplexity, or absolute drop of accuracy or F1.",
        DefaultValueFactory = _ => 0.02,
    };
    private static readonly Option<string?> Html = new("--html")
    {
        Description = "Write the curves as one self-contained page to this file.",
    };
    private static readonly Option<string?> Ratios = new("--ratios-file")
    {
        Description = "Write the suggested ratios to this file, for: coppice prune PATH -o OUT @FILE",
    };

    private static readonly Option[] Always = [Amounts, By, Group, Budget, Html, Ratios];
    private static readonly Mode OnText = new("--text", [.. Always, Text, Context, Stride, Windows]);
    private static readonly Mode OnData = new("--data", [.. Always, Data, Metric]);

    public static Command Create()
    {
        var command = new Command("sensitivity", Arguments.WithExample(
            "Measure quality against sparsity for each weight or group of weights (by magnitude), and suggest ratios for a quality budget.",
            "coppice sensitivity samples/models/gpt2-student --text samples/data/tinyshakespeare-test.txt --windows 10 --html curves.html",
            "coppice sensitivity samples/models/bert-thucnews --data samples/data/thucnews/dev-1000.txt --by block --budget 0.005"))
        {
            Path, Text, Context, Stride, Windows, Data, Metric, Amounts, By, Group, Budget, Html, Ratios,
        };
        Metric.AcceptOnlyFromAmong("accuracy", "f1");
        By.AcceptOnlyFromAmong("weight", "block");
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var amounts = ParseAmounts(parsed.GetRequiredValue(Amounts));
        var budget = CheckUsage(parsed);
        var model = PretrainedModel.Open(parsed.GetRequiredValue(Path));
        var study = new SensitivityStudy(model.Module, Groups(parsed, model), Measure(parsed, model));
        var result = terminal.Progress("measure", "", 1, progress => study.Measure(amounts, progress, cancellation));
        var suggestion = terminal.Progress("try the suggestion", "", 1, progress => study.Suggest(result, budget, progress, cancellation));
        var data = parsed.GetValue(Text) ?? parsed.GetValue(Data)!;
        var report = new SensitivityReport(model.Folder, data, result, suggestion, parsed.GetValue(Ratios));
        if (parsed.GetValue(Ratios) is { } ratios)
            AtomicOutput.Write(ratios, report.RatioLines());
        if (parsed.GetValue(Html) is { } html)
            AtomicOutput.Write(html, SensitivityPage.Render(report.ToJson()));
        terminal.Result(report.ToJson, () => report.Show(terminal));
        return Task.FromResult(ExitCode.Done);
    }

    private static double CheckUsage(ParseResult parsed)
    {
        if (parsed.GetValue(Text) is null == parsed.GetValue(Data) is null)
            throw new UsageException("Give either --text FILE (perplexity) or --data FILE (classification).");
        (parsed.GetValue(Text) is null ? OnData : OnText).RefuseOthers(parsed);
        if (Mode.IsGiven(By, parsed) && Mode.IsGiven(Group, parsed))
            throw new UsageException("--by does not go with --group, which says itself what is pruned together; leave one of them out.");
        foreach (var output in new[] { parsed.GetValue(Html), parsed.GetValue(Ratios) }.OfType<string>())
            if (Directory.Exists(output) || !Directory.Exists(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(output))))
                throw new UsageException($"{output} can't be written: it must be a file in a folder that exists.");
        var budget = parsed.GetValue(Budget);
        return double.IsFinite(budget) && budget >= 0 ? budget : throw new UsageException("--budget must be 0 or more, such as 0.02.");
    }

    private static List<double> ParseAmounts(string text)
    {
        var amounts = new List<double>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
            amounts.Add(double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount) && amount is > 0 and <= 1
                ? amount
                : throw new UsageException($"--amounts: '{part}' is not a fraction above 0 and at most 1; write for example 0.3,0.5,0.7."));
        return amounts;
    }

    private static IReadOnlyList<WeightGroup> Groups(ParseResult parsed, PretrainedModel model)
    {
        var groups = WeightGroups.Of(model);
        return parsed.GetValue(Group) is { Length: > 0 } globs ? groups.ByGlobs(globs)
            : parsed.GetValue(By) == "block" ? groups.ByBlock() : groups.ByWeight();
    }

    private static IQualityMeasure Measure(ParseResult parsed, PretrainedModel model)
    {
        if (parsed.GetValue(Data) is { } data)
            return new ClassificationMeasure(ClassificationTask.Open(model, data),
                parsed.GetValue(Metric) == "f1" ? ClassificationMetric.F1Macro : ClassificationMetric.Accuracy);
        var language = model.CausalLanguageModel;
        return new PerplexityMeasure(language, TextWindows.Read(parsed.GetValue(Text)!, Tokenizer.FromFolder(model.Folder), language,
            parsed.GetValue(Context), parsed.GetValue(Stride), parsed.GetValue(Windows)));
    }
}
