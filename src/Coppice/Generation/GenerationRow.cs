using Coppice.Tokenizers;

namespace Coppice.Generation;

/// <summary>One prompt while it is continued: its tokens so far, its sampler, and the text that is certain.</summary>
internal sealed class GenerationRow
{
    private readonly string _prompt;
    private readonly GenerationOptions _options;
    private readonly IReadOnlySet<int> _endOfTextIds;
    private readonly Action<string>? _onText;
    private readonly Sampler _sampler;
    private readonly TokenDecoder _decoder;
    private readonly List<int> _ids = [];
    private string _text = "";
    private int _shown;

    public GenerationRow(string prompt, int[] promptIds, GenerationOptions options, int index, Tokenizer tokenizer,
        IReadOnlySet<int> endOfTextIds, Action<string>? onText)
    {
        (_prompt, PromptIds, _options, _endOfTextIds, _onText) = (prompt, promptIds, options, endOfTextIds, onText);
        _decoder = tokenizer.CreateDecoder(continuation: true);
        _sampler = new Sampler(options, options.Seed + index);
        _sampler.See(promptIds);
    }

    public int[] PromptIds { get; }

    /// <summary>Null while the row goes on.</summary>
    public FinishReason? FinishReason { get; private set; }

    /// <summary>The token to feed next; a finished row of a batch repeats its last one, and nothing reads what comes of it.</summary>
    public int LastId => _ids.Count > 0 ? _ids[^1] : PromptIds[^1];

    /// <summary>Chooses the next token, unless the row is finished.</summary>
    public void Take(Span<float> logits)
    {
        if (FinishReason is not null)
            return;
        var id = _sampler.Next(logits);
        _ids.Add(id);
        if (_endOfTextIds.Contains(id))
        {
            FinishReason = Generation.FinishReason.EndOfText;
            return;
        }
        _text += _decoder.Append(id);
        if (FindStop() is var stop and >= 0)
        {
            _text = _text[..stop];
            FinishReason = Generation.FinishReason.Stop;
        }
        Show(_text.Length - (FinishReason is null ? HeldBack() : 0));
    }

    /// <summary>Ends the row where its tokens ended, and shows what was held back.</summary>
    public void Finish()
    {
        if (FinishReason is not Generation.FinishReason.Stop)
            _text += _decoder.Flush();
        FinishReason ??= Generation.FinishReason.Length;
        Show(_text.Length);
    }

    public GenerationResult Result(GenerationTimings timings) => new(_prompt, _text, PromptIds, _ids, FinishReason!.Value, timings);

    private int FindStop() => _options.Stop.Select(stop => _text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();

    /// <summary>Length of the text's end that could be the beginning of a stop text.</summary>
    private int HeldBack()
    {
        var longest = 0;
        foreach (var stop in _options.Stop)
            for (var length = Math.Min(stop.Length - 1, _text.Length); length > longest; length--)
                if (_text.EndsWith(stop[..length], StringComparison.Ordinal))
                    longest = length;
        return longest;
    }

    private void Show(int end)
    {
        if (end <= _shown)
            return;
        _onText?.Invoke(_text[_shown..end]);
        _shown = end;
    }
}
