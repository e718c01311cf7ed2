using System.Buffers;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>Turns text into the ids a model was trained on, and back.</summary>
/// <remarks>
/// Opened from a model's folder with <see cref="FromFolder"/>. Immutable and thread-safe. Special and added tokens that occur in the
/// text, such as <c>&lt;|endoftext|&gt;</c>, become their ids.
/// </remarks>
public abstract class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly byte[]?[] _spelling;
    private readonly bool _dropsFirstSpace;

    /// <param name="parts">What all kinds have in common.</param>
    /// <param name="spell">The text of a vocabulary token (or, with true, of an added one) as UTF-8 bytes.</param>
    /// <param name="dropsFirstSpace">Decoded text loses one leading space.</param>
    private protected Tokenizer(TokenizerParts parts, Func<string, bool, byte[]> spell, bool dropsFirstSpace)
    {
        _parts = parts;
        _dropsFirstSpace = dropsFirstSpace;
        _spelling = new byte[]?[Math.Max(parts.Vocabulary.Size, parts.Added.All.Select(t => t.Id + 1).DefaultIfEmpty().Max())];
        foreach (var (token, id) in parts.Vocabulary.Entries)
            _spelling[id] = spell(token, false);
        foreach (var token in parts.Added.All)
            _spelling[token.Id] = spell(token.Content, true);
    }

    /// <summary>The highest id plus one: the rows an embedding needs at least.</summary>
    public int VocabSize => _spelling.Length;

    /// <summary>Ids of the special tokens, by role.</summary>
    public SpecialTokens Special => _parts.Special;

    /// <summary>Opens the tokenizer of a model's folder.</summary>
    /// <remarks>
    /// Reads tokenizer.json (byte-level BPE, WordPiece, or Llama's BPE), else vocab.json and merges.txt (GPT-2), else vocab.txt (BERT);
    /// and tokenizer_config.json, special_tokens_map.json and added_tokens.json where present.
    /// </remarks>
    /// <exception cref="TokenizerException">No tokenizer is there, or it is malformed or of another kind.</exception>
    public static Tokenizer FromFolder(string path) => TokenizerFolder.Open(path);

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any string; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Adds the tokenizer's own tokens, such as <c>[CLS] ... [SEP]</c> or <c>&lt;s&gt; ...</c>.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        var ids = EncodeText(text);
        return addSpecialTokens && _parts.Template.Single.Count > 1 ? [.. _parts.Template.Join(ids, null, null).Ids] : [.. ids];
    }

    /// <summary>The ids of a text, cut and padded as asked.</summary>
    /// <exception cref="ArgumentException">The options ask for padding without a length, or the special tokens don't fit.</exception>
    /// <exception cref="InvalidOperationException">Padding is asked for and the tokenizer has no padding token.</exception>
    public TokenEncoding Encode(string text, EncodingOptions options) => Shape(EncodeText(text), null, options);

    /// <summary>The ids of two texts put together, cut and padded as asked.</summary>
    /// <inheritdoc cref="Encode(string, EncodingOptions)" path="/exception"/>
    public TokenEncoding EncodePair(string first, string second, EncodingOptions options) =>
        Shape(EncodeText(first), EncodeText(second), options);

    /// <summary>The text of some ids. What is not valid UTF-8 becomes U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var first = true;
        foreach (var id in ids)
            if (!(skipSpecialTokens && IsSpecial(id)))
            {
                bytes.Write(Spell(id, first));
                first = false;
            }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>A decoder for ids that arrive one at a time.</summary>
    /// <param name="skipSpecialTokens">Leaves special tokens out of the text.</param>
    /// <param name="continuation">The ids continue earlier text, so the space before their first word is kept.</param>
    public TokenDecoder CreateDecoder(bool skipSpecialTokens = true, bool continuation = false) =>
        new(this, skipSpecialTokens, continuation);

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    public int? IdOf(string token) => _parts.IdOf(token);

    /// <summary>The token of an id as the vocabulary writes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string TokenOf(int id)
    {
        _ = Spell(id, first: false);
        return _parts.Added.Find(id)?.Content ?? _parts.Vocabulary[id]!;
    }

    /// <summary>Appends the ids of a text without added tokens; it is not empty.</summary>
    /// <param name="text">Text between two added tokens.</param>
    /// <param name="first">It opens the whole text.</param>
    /// <param name="ids">Receives the ids.</param>
    private protected abstract void EncodeSegment(ReadOnlySpan<char> text, bool first, List<int> ids);

    /// <summary>Tokens that play a role, were added, or spell what no other token does.</summary>
    internal virtual IEnumerable<int> Indispensable => _parts.Added.All.Select(token => token.Id);

    /// <summary>The two tokens that a token is merged from, where it is.</summary>
    internal virtual IReadOnlyDictionary<int, (int Left, int Right)> Merges { get; } = new Dictionary<int, (int, int)>();

    /// <summary>Whether a token has this id.</summary>
    internal bool Has(int id) => (uint)id < (uint)_spelling.Length && _spelling[id] is not null;

    internal bool IsSpecial(int id) => _parts.Added.Find(id) is { Special: true };

    /// <summary>The UTF-8 bytes a token adds to a text.</summary>
    internal ReadOnlySpan<byte> Spell(int id, bool first)
    {
        if ((uint)id >= (uint)_spelling.Length || _spelling[id] is not { } bytes)
            throw new ArgumentOutOfRangeException(
                nameof(id), id, $"No token has this id; the vocabulary has ids below {VocabSize}. Use the tokenizer of the same model.");
        return first && _dropsFirstSpace && bytes.AsSpan().StartsWith(" "u8) ? bytes.AsSpan(1) : bytes;
    }

    private List<int> EncodeText(string text)
    {
        var ids = new List<int>();
        var start = 0;
        while (start < text.Length)
        {
            var token = _parts.Added.Next(text, start, out var position);
            var segment = text.AsSpan(start, position - start);
            if (token is { LeftStrip: true })
                segment = segment.TrimEnd();
            if (!segment.IsEmpty)
                EncodeSegment(segment, first: start == 0, ids);
            start = position;
            if (token is null)
                break;
            ids.Add(token.Id);
            start += token.Content.Length;
            while (token.RightStrip && start < text.Length && char.IsWhiteSpace(text[start]))
                start++;
        }
        return ids;
    }

    private TokenEncoding Shape(List<int> first, List<int>? second, EncodingOptions options)
    {
        var template = options.AddSpecialTokens ? _parts.Template : Template.Plain;
        var (ids, types) = template.Join(first, second, options.MaxLength);
        var length = ids.Count;
        if (options.PadToMaxLength)
            length = options.MaxLength ?? throw new ArgumentException("PadToMaxLength needs a MaxLength. Set it.", nameof(options));
        var padding = 0;
        if (length > ids.Count)
            padding = Special.Pad ?? throw new InvalidOperationException(
                "The tokenizer has no padding token. Name one as pad_token in tokenizer_config.json.");
        var padded = new int[length];
        Array.Fill(padded, padding);
        ids.CopyTo(padded);
        var paddedTypes = new int[length];
        types.CopyTo(paddedTypes);
        var mask = new int[length];
        Array.Fill(mask, 1, 0, ids.Count);
        return new TokenEncoding(padded, paddedTypes, mask);
    }
}
