using Coppice.Generation;
using Coppice.Models;
using Coppice.Tensors;

namespace Coppice.Evaluation;

/// <summary>Speed of two models, measured in alternation.</summary>
/// <param name="Prompt">Milliseconds to read the prompt.</param>
/// <param name="PromptTokens">Tokens of it.</param>
/// <param name="Decode">Milliseconds for some further tokens, one at a time.</param>
/// <param name="DecodedTokens">How many those are.</param>
public sealed record GenerationSpeed(InterleavedTimes Prompt, int PromptTokens, InterleavedTimes Decode, int DecodedTokens);

/// <summary>Where the greedy continuations of one prompt part.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Before">Continuation before.</param>
/// <param name="After">Continuation after.</param>
/// <param name="PartsAt">Index of the first new token that differs; null where none does.</param>
public sealed record GreedyComparison(string Prompt, string Before, string After, int? PartsAt);

/// <summary>Compares two causal language models by running them side by side.</summary>
public static class LanguageModelComparison
{
    private const int DecodedTokens = 16;

    /// <summary>Times a prompt's prefill and the decoding after it.</summary>
    /// <param name="before">The one.</param>
    /// <param name="after">The other.</param>
    /// <param name="prompt">Token ids; half of the models' context at most.</param>
    /// <param name="rounds">Measurements of each.</param>
    public static GenerationSpeed Speed(ICausalLanguageModel before, ICausalLanguageModel after, ReadOnlySpan<int> prompt, int rounds)
    {
        long[] ids = [.. prompt.ToArray().Select(id => (long)id)];
        var prefill = Interleaved.Measure(() => Prefill(before, ids), () => Prefill(after, ids), rounds);
        var decode = Interleaved.Measure(Decoder(before, ids), Decoder(after, ids), rounds);
        return new(prefill, ids.Length, decode, DecodedTokens);
    }

    /// <summary>Continues prompts greedily with both.</summary>
    public static IReadOnlyList<GreedyComparison> Greedy(TextGenerator before, TextGenerator after, IReadOnlyList<string> prompts, int newTokens)
    {
        var options = new GenerationOptions { MaxNewTokens = newTokens };
        return [.. before.Generate(prompts, options).Zip(after.Generate(prompts, options), (a, b) =>
        {
            var common = a.Ids.Zip(b.Ids).TakeWhile(pair => pair.First == pair.Second).Count();
            return new GreedyComparison(a.Prompt, a.Text, b.Text, common == a.Ids.Count && common == b.Ids.Count ? null : common);
        })];
    }

    /// <summary>Token ids that the model itself finds likely, to compare outputs on where no text is given: a sample at temperature 1.</summary>
    public static int[] OwnText(TextGenerator generator, int tokens, int seed)
    {
        var sample = generator.Generate("", new GenerationOptions { MaxNewTokens = tokens, Temperature = 1, Seed = seed });
        return [.. sample.PromptIds, .. sample.Ids];
    }

    private static void Prefill(ICausalLanguageModel model, long[] ids)
    {
        using var scope = new TensorScope();
        model.Forward(Tensor.From<long>(ids, [1, ids.Length]), model.CreateCache(ids.Length), lastOnly: true);
    }

    /// <summary>Decodes behind the same prompt each time it is called.</summary>
    private static Action Decoder(ICausalLanguageModel model, long[] ids)
    {
        var cache = model.CreateCache(ids.Length + DecodedTokens);
        using (new TensorScope())
            model.Forward(Tensor.From<long>(ids, [1, ids.Length]), cache, lastOnly: true);
        return () =>
        {
            cache.Truncate(ids.Length);
            for (var i = 0; i < DecodedTokens; i++)
            {
                using var scope = new TensorScope();
                model.Forward(Tensor.From<long>([ids[^1]], [1, 1]), cache, lastOnly: true);
            }
        };
    }
}
