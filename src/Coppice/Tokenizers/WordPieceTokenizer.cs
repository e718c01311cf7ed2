using System.Text;

namespace Coppice.Tokenizers;

/// <summary>BERT's tokenizer (Devlin et al. 2018): words and punctuation, each cut greedily into the longest known pieces.</summary>
internal sealed class WordPieceTokenizer : Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _continuations;
    private readonly BertNormalizer _normalizer;
    private readonly int _unknown;
    private readonly int _maxCharsPerWord;
    private readonly WordCache _cache = new();

    /// <param name="parts">Vocabulary and the like; the unknown token is <see cref="SpecialTokens.Unk"/>.</param>
    /// <param name="normalizer">What happens to text first.</param>
    /// <param name="prefix">What marks a piece that continues a word, "##".</param>
    /// <param name="maxCharsPerWord">A word of more code points is unknown.</param>
    /// <param name="source">The file, for errors.</param>
    public WordPieceTokenizer(TokenizerParts parts, BertNormalizer normalizer, string prefix, int maxCharsPerWord, string source)
        : base(parts, (token, _) => SpellPiece(token, prefix), dropsFirstSpace: true)
    {
        _vocabulary = parts.Vocabulary;
        _normalizer = normalizer;
        _maxCharsPerWord = maxCharsPerWord;
        _unknown = parts.Special.Unk
            ?? throw new TokenizerException($"{source}: WordPiece needs an unknown token. Name it as unk_token in tokenizer_config.json.");
        _continuations = parts.Vocabulary.Entries
            .Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(e => e.Key[prefix.Length..], e => e.Value, StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();
    }

    private protected override void EncodeSegment(ReadOnlySpan<char> text, bool first, List<int> ids)
    {
        foreach (var word in BertNormalizer.Words(_normalizer.Normalize(text)))
            EncodeWord(word.Span, ids);
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_cache.TryGet(word, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var before = ids.Count;
        if (!TryPieces(word, ids))
        {
            ids.RemoveRange(before, ids.Count - before);
            ids.Add(_unknown);
        }
        _cache.Add(word, ids.GetRange(before, ids.Count - before).ToArray());
    }

    private bool TryPieces(ReadOnlySpan<char> word, List<int> ids)
    {
        var codePoints = 0;
        foreach (var _ in word.EnumerateRunes())
            if (++codePoints > _maxCharsPerWord)
                return false;
        for (var start = 0; start < word.Length;)
        {
            var end = word.Length;
            int id;
            while (!(start == 0 ? _vocabulary.TryFind(word[..end], out id) : _continuations.TryGetValue(word[start..end], out id)))
                if (--end == start)
                    return false;
            ids.Add(id);
            start = end;
        }
        return true;
    }

    /// <summary>Words are joined by spaces, continuations and closing punctuation are not.</summary>
    private static byte[] SpellPiece(string token, string prefix) => Encoding.UTF8.GetBytes(
        token.StartsWith(prefix, StringComparison.Ordinal) && token.Length > prefix.Length ? token[prefix.Length..]
        : token is "." or "," or "?" or "!" ? token
        : " " + token);
}
