using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Data;
using Coppice.Models;
using Coppice.Pruning.Vocabulary;
using Coppice.Tokenizers;

namespace Coppice.Cli.Structural;

/// <summary>The part of <c>coppice prune</c> that takes a text model's rarest tokens away.</summary>
/// <param name="Output">Where it was written; null for a dry run.</param>
/// <param name="Removal">Which tokens went.</param>
/// <param name="Before">Parameters before.</param>
/// <param name="Smaller">What became of the model.</param>
internal sealed record VocabularyPruning(string? Output, VocabularyRemoval Removal, long Before, SmallerVocabulary Smaller)
{
    private long After => LayerPruning.ParametersOf(Smaller.Module);

    /// <summary>Opens, counts, chooses, verifies, writes.</summary>
    public static VocabularyPruning Run(string path, string? output, double amount, ParseResult parsed, Terminal terminal)
    {
        if (parsed.GetValue(StructuralOptions.Calibration) is not { } data)
            throw new UsageException("--granularity vocabulary counts tokens in --calibration FILE: text like what the model is to be used on.");
        var model = PretrainedModel.Open(path);
        var texts = TextsOf(model, data);
        var removal = terminal.Busy("counting tokens",
            () => VocabularyRemoval.OfRarest(model, VocabularyRemoval.Count(Tokenizer.FromFolder(path), texts), amount));
        var smaller = terminal.Busy("verifying and writing",
            () => removal.Save(output, texts, parsed.GetValue(CommonOptions.Seed), SavingOptions.Of(parsed)));
        return new(output, removal, LayerPruning.ParametersOf(model.Module), smaller);
    }

    public JsonObject ToJson() => new()
    {
        ["output"] = Output,
        ["tokens"] = new JsonObject { ["before"] = Removal.Rows, ["after"] = Removal.Kept.Count },
        ["parameters"] = new JsonObject { ["before"] = Before, ["after"] = After },
        ["calibration"] = new JsonObject
        {
            ["tokens_before"] = Smaller.TokensBefore,
            ["tokens_after"] = Smaller.TokensAfter,
            ["newly_unknown"] = Smaller.Unknown,
        },
        ["verification"] = new JsonObject { ["largest_difference"] = Smaller.Verification.LargestDifference },
    };

    public void Show(Terminal terminal)
    {
        terminal.Line($"vocabulary: {Removal.Rows:N0} -> {Removal.Kept.Count:N0} tokens");
        terminal.Line($"parameters: {Reports.Change(Before, After)}");
        terminal.Line($"the calibration text: {Smaller.TokensBefore:N0} -> {Smaller.TokensAfter:N0} tokens, {Smaller.Unknown:N0} newly unknown");
        terminal.Line($"verified: outputs for the tokens that stay are the original's, to {Smaller.Verification.LargestDifference:G2} of the largest");
        terminal.Line(Output is null ? "dry run: nothing was written." : $"saved: {Output}");
    }

    private static IReadOnlyList<string> TextsOf(PretrainedModel model, string data) => model.Module is ITextClassifier
        ? [.. LabeledText.Read(data).Examples.Select(example => example.Text)]
        : [.. TextDocuments.Read(data)];
}
