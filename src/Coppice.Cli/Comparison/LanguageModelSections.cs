using System.Text.Json.Nodes;
using Coppice.Data;
using Coppice.Evaluation;
using Coppice.Generation;
using Coppice.Models;
using Coppice.Tokenizers;

namespace Coppice.Cli.Comparison;

/// <summary>Measures two causal language models side by side.</summary>
internal static class LanguageModelSections
{
    private const int PromptTokens = 64;
    private const int GreedyPromptTokens = 12;
    private const int GreedyTokens = 40;
    private const int OwnTextTokens = 256;

    public static IEnumerable<IComparisonSection> Measure(
        PretrainedModel before, PretrainedModel after, ComparisonSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        var tokenizer = Tokenizer.FromFolder(before.Folder);
        var (first, second) = (before.CausalLanguageModel, after.CausalLanguageModel);
        var generatorBefore = new TextGenerator(first, tokenizer, before.EndOfTextIds);
        var generatorAfter = new TextGenerator(second, tokenizer, after.EndOfTextIds);
        var windows = settings.Text is null
            ? OwnTextWindows(generatorBefore, first, settings.Seed)
            : TextWindows.Read(settings.Text, tokenizer, first, settings.Context, settings.Stride, settings.Windows);
        terminal.Note("measuring speed");
        yield return SpeedSection.OfLoading(() => PretrainedModel.Open(before.Folder), () => PretrainedModel.Open(after.Folder));
        yield return MemorySection.Measure([before.Folder], [after.Folder]);
        var prompt = windows[0].Ids.Span[..Math.Min(windows[0].Ids.Length, Math.Min(PromptTokens, first.MaxPositions / 2))];
        var speed = LanguageModelComparison.Speed(first, second, prompt, settings.Rounds);
        yield return new SpeedSection("latency", $"prompt of {speed.PromptTokens} tokens", speed.Prompt, speed.PromptTokens, "tokens");
        yield return new SpeedSection("decode", $"{speed.DecodedTokens} further tokens", speed.Decode, speed.DecodedTokens, "tokens");
        var result = terminal.Progress("outputs", "windows", windows.Count, progress => LanguageModelEvaluation.Compare(first, second, windows, progress, cancellation));
        yield return new AgreementSection(result.Agreement, settings.Text is null ? "a sample of the model before" : settings.Text);
        if (settings.Text is not null)
            yield return new PerplexitySection(result.Before, result.After, windows);
        yield return new GreedySection(LanguageModelComparison.Greedy(generatorBefore, generatorAfter, Prompts(tokenizer, windows), GreedyTokens));
    }

    /// <summary>Where no text is given, outputs are compared on text the model before finds likely.</summary>
    private static TokenWindows OwnTextWindows(TextGenerator generator, ICausalLanguageModel model, int seed)
    {
        var length = Math.Min(OwnTextTokens, model.MaxPositions - 2);
        var ids = LanguageModelComparison.OwnText(generator, length, seed);
        return new(ids, Math.Max(2, ids.Length), Math.Max(2, ids.Length));
    }

    private static string[] Prompts(Tokenizer tokenizer, TokenWindows windows) =>
        [.. new[] { 0, windows.Count / 2, windows.Count - 1 }.Distinct().Select(i => windows[i].Ids)
            .Select(ids => tokenizer.Decode(ids.Span[..Math.Min(GreedyPromptTokens, ids.Length)], skipSpecialTokens: true))];
}

/// <summary>How far the outputs agree.</summary>
internal sealed class AgreementSection(OutputAgreement agreement, string on) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("agreement_with_before", new JsonObject
        {
            ["mean_kl"] = agreement.MeanKl,
            ["top1_agreement"] = agreement.Top1Agreement,
            ["max_logit_difference"] = agreement.MaxLogitDifference,
            ["positions"] = agreement.Rows,
            ["on"] = on,
        }),
    ];

    public IEnumerable<ComparisonRow> Rows() =>
    [
        new("same likeliest output", "", Reports.Percent(agreement.Top1Agreement)),
        new("mean KL(before || after)", "", $"{agreement.MeanKl:F6} nats"),
        new("largest logit difference", "", $"{agreement.MaxLogitDifference:F4}"),
    ];

    public IEnumerable<string> Remarks() => [$"Outputs were compared at {agreement.Rows:N0} positions of {on}."];
}

/// <summary>Perplexity of both.</summary>
internal sealed class PerplexitySection(Perplexity before, Perplexity after, TokenWindows windows) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("perplexity", new JsonObject
        {
            ["before"] = before.Value,
            ["after"] = after.Value,
            ["ratio"] = after.Value / before.Value,
            ["windows"] = windows.Count,
            ["context"] = windows.Context,
            ["stride"] = windows.Stride,
        }),
    ];

    public IEnumerable<ComparisonRow> Rows() => [ComparisonRow.Of("perplexity", before.Value, after.Value, value => $"{value:F3}")];

    public IEnumerable<string> Remarks() => [];
}

/// <summary>Greedy continuations of both.</summary>
internal sealed class GreedySection(IReadOnlyList<GreedyComparison> greedy) : IComparisonSection
{
    public IEnumerable<KeyValuePair<string, JsonNode?>> ToJson() =>
    [
        new("greedy", new JsonArray([.. greedy.Select(pair => new JsonObject
        {
            ["prompt"] = pair.Prompt,
            ["before"] = pair.Before,
            ["after"] = pair.After,
            ["parts_at_token"] = pair.PartsAt,
        })])),
    ];

    public IEnumerable<ComparisonRow> Rows() => [];

    public IEnumerable<string> Remarks()
    {
        foreach (var pair in greedy)
        {
            yield return "";
            yield return $"{pair.Prompt.ReplaceLineEndings(" ")} ... "
                + (pair.PartsAt is { } at ? $"greedy texts part at new token {at + 1}:" : "greedy texts are the same:");
            yield return $"  before: {pair.Before.ReplaceLineEndings(" ")}";
            if (pair.PartsAt is not null)
                yield return $"  after:  {pair.After.ReplaceLineEndings(" ")}";
        }
    }
}
