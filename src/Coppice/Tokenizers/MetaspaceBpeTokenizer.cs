using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>How spaces become ▁ (U+2581) and words begin.</summary>
/// <param name="Prepend">A ▁ goes before the text.</param>
/// <param name="OnlyFirst">Not before text that follows an added token.</param>
/// <param name="UnlessPresent">Not before text that has one already.</param>
/// <param name="Split">Every ▁ begins a new word, and nothing merges across words.</param>
internal sealed record Metaspace(bool Prepend, bool OnlyFirst = false, bool UnlessPresent = false, bool Split = false);

/// <summary>Llama's tokenizer as tokenizer.json writes it: SentencePiece BPE over characters, with bytes for those unknown.</summary>
internal sealed class MetaspaceBpeTokenizer : Tokenizer
{
    private const char Space = '\u2581';

    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly Metaspace _metaspace;
    private readonly int[]? _byteIds;
    private readonly int? _unknown;
    private readonly bool _fuseUnknown;
    private readonly bool _wordsAreApart;
    private readonly WordCache _cache = new();

    /// <param name="parts">Vocabulary and the like.</param>
    /// <param name="merges">Merges between tokens of the vocabulary.</param>
    /// <param name="metaspace">The treatment of spaces.</param>
    /// <param name="unknown">Stands for a character that is not in the vocabulary.</param>
    /// <param name="fuseUnknown">Neighbouring unknown characters make one token.</param>
    /// <param name="byteFallback">Unknown characters become the tokens of their UTF-8 bytes instead, &lt;0x00&gt; to &lt;0xFF&gt;.</param>
    /// <param name="source">The file, for errors.</param>
    public MetaspaceBpeTokenizer(
        TokenizerParts parts, MergeTable merges, Metaspace metaspace, int? unknown, bool fuseUnknown, bool byteFallback, string source)
        : base(parts, (token, added) => Spell(token, added, byteFallback), metaspace.Prepend)
    {
        _vocabulary = parts.Vocabulary;
        _merges = merges;
        _metaspace = metaspace;
        _unknown = unknown;
        _fuseUnknown = fuseUnknown;
        if (byteFallback)
            _byteIds = [.. Enumerable.Range(0, 256).Select(b => ByteId(b, source))];
        else if (unknown is null)
            throw new TokenizerException($"{source}: neither byte_fallback nor unk_token is set, so some text has no ids. Set one.");
        // Where no token holds a ▁ after another character, words can be merged (and remembered) one by one with the same result.
        _wordsAreApart = _vocabulary.TryFind([Space], out _) && !_vocabulary.Entries.Any(e => HoldsTwoWords(e.Key));
    }

    internal override IEnumerable<int> Indispensable =>
        base.Indispensable.Concat(_byteIds ?? []).Concat(_unknown is { } unknown ? [unknown] : []);

    internal override IReadOnlyDictionary<int, (int Left, int Right)> Merges => field ??= _merges.Parts();

    private protected override void EncodeSegment(ReadOnlySpan<char> text, bool first, List<int> ids)
    {
        var prepend = _metaspace.Prepend && (first || !_metaspace.OnlyFirst) && !(_metaspace.UnlessPresent && text[0] is ' ' or Space);
        var spaced = string.Concat(prepend ? [Space] : [], text).Replace(' ', Space).AsSpan();
        while (!spaced.IsEmpty)
        {
            var length = WordLength(spaced);
            EncodeWord(spaced[..length], ids);
            spaced = spaced[length..];
        }
    }

    private int WordLength(ReadOnlySpan<char> text)
    {
        if (!_metaspace.Split && !_wordsAreApart)
            return text.Length;
        var start = _metaspace.Split ? 1 : text.IndexOfAnyExcept(Space);
        var next = start < 0 ? -1 : text[start..].IndexOf(Space);
        return next < 0 ? text.Length : start + next;
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_cache.TryGet(word, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var symbols = new List<int>(word.Length);
        foreach (var rune in word.EnumerateRunes())
            AddSymbols(rune, symbols);
        var merged = CollectionsMarshal.AsSpan(symbols);
        merged = merged[.._merges.Apply(merged)];
        ids.AddRange(merged);
        _cache.Add(word, merged);
    }

    private void AddSymbols(Rune rune, List<int> symbols)
    {
        Span<char> chars = stackalloc char[2];
        if (_vocabulary.TryFind(chars[..rune.EncodeToUtf16(chars)], out var id))
            symbols.Add(id);
        else if (_byteIds is not null)
        {
            Span<byte> bytes = stackalloc byte[4];
            foreach (var b in bytes[..rune.EncodeToUtf8(bytes)])
                symbols.Add(_byteIds[b]);
        }
        else if (!(_fuseUnknown && symbols.Count > 0 && symbols[^1] == _unknown))
            symbols.Add(_unknown!.Value);
    }

    private int ByteId(int value, string source) => _vocabulary.TryFind($"<0x{value:X2}>", out var id)
        ? id
        : throw new TokenizerException($"{source}: byte_fallback needs the token <0x{value:X2}>, which is missing. Fetch the file again.");

    private static bool HoldsTwoWords(string token)
    {
        var text = token.AsSpan().TrimStart(Space);
        return text.Contains(Space);
    }

    private static byte[] Spell(string token, bool added, bool byteFallback)
    {
        if (added)
            return Encoding.UTF8.GetBytes(token);
        if (byteFallback && token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            return [value];
        return Encoding.UTF8.GetBytes(token.Replace(Space, ' '));
    }
}
