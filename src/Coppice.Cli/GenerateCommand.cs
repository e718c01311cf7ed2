using System.CommandLine;
using System.Text.Json.Nodes;
using Coppice.Evaluation;
using Coppice.Generation;

namespace Coppice.Cli;

/// <summary><c>coppice generate</c>: continues prompts.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string> Path = Arguments.Path(description: "Hugging Face folder of a causal language model.");
    private static readonly Option<string[]> Prompt = new("--prompt")
    {
        Description = "Text to continue; repeat it to continue several together.",
        Required = true,
    };
    private static readonly Option<int> MaxNewTokens = new("--max-new-tokens")
    {
        Description = "Tokens to add at most.",
        DefaultValueFactory = _ => 50,
    };
    private static readonly Option<float> Temperature = new("--temperature")
    {
        Description = "0 takes the likeliest token; higher is more varied.",
        DefaultValueFactory = _ => 0,
    };
    private static readonly Option<int> TopK = new("--top-k")
    {
        Description = "Sample among the K likeliest tokens (0: all).",
        DefaultValueFactory = _ => 0,
    };
    private static readonly Option<float> TopP = new("--top-p")
    {
        Description = "Sample among the fewest tokens whose probabilities reach P (1: all).",
        DefaultValueFactory = _ => 1,
    };
    private static readonly Option<float> RepetitionPenalty = new("--repetition-penalty")
    {
        Description = "Above 1 makes tokens that occurred less likely.",
        DefaultValueFactory = _ => 1,
    };
    private static readonly Option<string[]> Stop = new("--stop") { Description = "Text that ends the continuation; repeatable." };
    private static readonly Option<bool> Stream = new("--stream") { Description = "Print the text as it comes." };

    private static readonly Option[] Always = [Prompt, MaxNewTokens, Temperature, RepetitionPenalty, Stop];
    private static readonly Mode Greedy = new("the likeliest token each time", [.. Always, Stream]) { Advice = ", or give a --temperature above 0" };
    private static readonly Mode Sampled = new("sampling", [.. Always, TopK, TopP, Stream]);

    public static Command Create()
    {
        var command = new Command("generate", Arguments.WithExample("Continue a prompt with a language model.",
            "coppice generate samples/models/gpt2-student --prompt \"O Romeo, Romeo,\" --max-new-tokens 40"))
        {
            Path, Prompt, MaxNewTokens, Temperature, TopK, TopP, RepetitionPenalty, Stop, Stream,
        };
        command.SetWork(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        var options = Options(parsed);
        (options.Temperature > 0 ? Sampled : Greedy).RefuseOthers(parsed);
        var prompts = parsed.GetRequiredValue(Prompt);
        var stream = parsed.GetValue(Stream) && !terminal.IsJson;
        if (stream && prompts.Length > 1)
            throw new UsageException("--stream shows one text; give one --prompt.");
        var generator = TextGenerator.Open(parsed.GetRequiredValue(Path));
        if (stream)
            terminal.Piece(prompts[0]);
        var results = generator.Generate(prompts, options, stream ? (_, text) => terminal.Piece(text) : null, cancellation);
        terminal.Result(() => ToJson(results), () => Show(terminal, results, stream));
        return Task.FromResult(ExitCode.Done);
    }

    private static GenerationOptions Options(ParseResult parsed)
    {
        var options = new GenerationOptions
        {
            MaxNewTokens = parsed.GetValue(MaxNewTokens),
            Temperature = parsed.GetValue(Temperature),
            TopK = parsed.GetValue(TopK),
            TopP = parsed.GetValue(TopP),
            RepetitionPenalty = parsed.GetValue(RepetitionPenalty),
            Stop = parsed.GetValue(Stop) ?? [],
            Seed = parsed.GetValue(CommonOptions.Seed),
        };
        try
        {
            options.Validate();
        }
        catch (ArgumentException error)
        {
            throw new UsageException(error.Message);
        }
        return options;
    }

    private static void Show(Terminal terminal, IReadOnlyList<GenerationResult> results, bool streamed)
    {
        foreach (var result in results)
        {
            terminal.Line(streamed ? "" : result.Prompt + result.Text);
            if (results.Count > 1)
                terminal.Line("---");
        }
        var timings = results[0].Timings;
        terminal.Note($"{results.Max(r => r.Ids.Count)} tokens; prompt {timings.Prefill.TotalMilliseconds:F0} ms, "
            + $"then {timings.DecodeTokensPerSecond:F0} tokens/s.");
    }

    /// <summary>One result's members at the top; several under <c>results</c>.</summary>
    private static JsonObject ToJson(IReadOnlyList<GenerationResult> results) => results.Count == 1
        ? ToJson(results[0])
        : new JsonObject { ["results"] = new JsonArray([.. results.Select(ToJson)]) };

    private static JsonObject ToJson(GenerationResult result) => new()
    {
        ["prompt"] = result.Prompt,
        ["text"] = result.Text,
        ["token_ids"] = Numbers(result.Ids),
        ["prompt_token_ids"] = Numbers(result.PromptIds),
        ["finish_reason"] = result.FinishReason switch { FinishReason.EndOfText => "end_of_text", FinishReason.Stop => "stop", _ => "length" },
        ["timings"] = new JsonObject
        {
            ["prefill_ms"] = result.Timings.Prefill.TotalMilliseconds,
            ["decode_ms"] = result.Timings.Decode.TotalMilliseconds,
            ["decode_tokens_per_second"] = result.Timings.DecodeTokensPerSecond,
        },
        ["peak_memory_bytes"] = ProcessMemory.Measure().PeakResident,
    };

    private static JsonArray Numbers(IEnumerable<int> values) => new([.. values.Select(value => JsonValue.Create(value))]);
}
