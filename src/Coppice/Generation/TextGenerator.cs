using System.Diagnostics;
using Coppice.Models;
using Coppice.Tensors;
using Coppice.Tokenizers;

namespace Coppice.Generation;

/// <summary>Continues text with a causal language model and its tokenizer, one prompt or a batch.</summary>
/// <param name="model">Predicts the next token.</param>
/// <param name="tokenizer">Turns text into the model's ids and back.</param>
/// <param name="endOfTextIds">Tokens that end a continuation.</param>
public sealed class TextGenerator(ICausalLanguageModel model, Tokenizer tokenizer, IReadOnlySet<int> endOfTextIds)
{
    /// <summary>Opens a Hugging Face folder: config.json, weights, tokenizer, generation_config.json.</summary>
    public static TextGenerator Open(string folder)
    {
        var pretrained = PretrainedModel.Open(folder);
        return new(pretrained.CausalLanguageModel, Tokenizer.FromFolder(folder), pretrained.EndOfTextIds);
    }

    /// <summary>Continues one prompt.</summary>
    /// <param name="prompt">Text to continue.</param>
    /// <param name="options">How; greedy where null.</param>
    /// <param name="onText">Called with each piece of the continuation as soon as it is certain.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the prompt is empty or longer than the model's context.</exception>
    public GenerationResult Generate(
        string prompt, GenerationOptions? options = null, Action<string>? onText = null, CancellationToken cancellation = default) =>
        Generate([prompt], options, onText is null ? null : (_, text) => onText(text), cancellation)[0];

    /// <summary>Continues several prompts together; each result is what the prompt alone would give, up to rounding.</summary>
    /// <param name="prompts">Texts to continue.</param>
    /// <param name="options">How; greedy where null.</param>
    /// <param name="onText">Called with the prompt's index and each piece of its continuation.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="ArgumentException">An option is out of range, or a prompt is empty or longer than the model's context.</exception>
    public IReadOnlyList<GenerationResult> Generate(
        IReadOnlyList<string> prompts, GenerationOptions? options = null, Action<int, string>? onText = null, CancellationToken cancellation = default)
    {
        options ??= new();
        options.Validate();
        var rows = prompts.Select((prompt, index) => CreateRow(prompt, index, options, onText)).ToArray();
        if (rows.Length == 0)
            return [];
        var timings = Run(rows, options, cancellation);
        return [.. rows.Select(row => row.Result(timings))];
    }

    private GenerationRow CreateRow(string prompt, int index, GenerationOptions options, Action<int, string>? onText)
    {
        var ids = tokenizer.Encode(prompt);
        if (ids.Length == 0 && endOfTextIds.Count > 0)
            ids = [endOfTextIds.First()]; // GPT-2 was trained with its end-of-text token between documents, so it opens one too
        if (ids.Length == 0)
            throw new ArgumentException("The prompt is empty, and this model has no token to begin a text with. Give it some text.", nameof(prompt));
        if (ids.Length >= model.MaxPositions)
            throw new ArgumentException(
                $"The prompt has {ids.Length} tokens; the model sees {model.MaxPositions} with the continuation. Shorten the prompt.", nameof(prompt));
        return new GenerationRow(prompt, ids, options, index, tokenizer, endOfTextIds, onText is null ? null : text => onText(index, text));
    }

    private GenerationTimings Run(GenerationRow[] rows, GenerationOptions options, CancellationToken cancellation)
    {
        var longest = rows.Max(row => row.PromptIds.Length);
        int[] padding = [.. rows.Select(row => longest - row.PromptIds.Length)];
        var newTokens = Math.Min(options.MaxNewTokens, model.MaxPositions - longest);
        var cache = model.CreateCache(longest + newTokens);
        var clock = Stopwatch.StartNew();
        var prefill = TimeSpan.Zero;
        var steps = 0;
        for (; steps < newTokens && rows.Any(row => row.FinishReason is null); steps++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var ids = steps == 0 ? PromptBatch(rows, longest) : LastTokens(rows);
            var logits = model.Forward(ids, cache, padding.Any(pad => pad > 0) ? padding : null, lastOnly: true);   // [B, 1, V]
            var values = logits.AsSpan<float>();
            for (var row = 0; row < rows.Length; row++)
                rows[row].Take(values.Slice(row * model.VocabSize, model.VocabSize));
            if (steps == 0)
                prefill = clock.Elapsed;
        }
        foreach (var row in rows)
            row.Finish();
        return new(prefill, clock.Elapsed - prefill, Math.Max(0, steps - 1));
    }

    private static Tensor PromptBatch(GenerationRow[] rows, int longest)
    {
        var ids = Tensor.Zeros([rows.Length, longest], DType.I64);
        var values = ids.AsSpan<long>();
        for (var row = 0; row < rows.Length; row++)
            for (var i = 0; i < rows[row].PromptIds.Length; i++)
                values[(row + 1) * longest - rows[row].PromptIds.Length + i] = rows[row].PromptIds[i];
        return ids;
    }

    private static Tensor LastTokens(GenerationRow[] rows) =>
        Tensor.From<long>([.. rows.Select(row => (long)row.LastId)], [rows.Length, 1]);
}
