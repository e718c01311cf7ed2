using System.Buffers;
using System.Globalization;

namespace Coppice.Tokenizers;

/// <summary>A token matched verbatim in the text before any other step.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text it matches.</param>
/// <param name="Special">It plays a role and can be left out when decoding.</param>
/// <param name="LeftStrip">White space before it belongs to it.</param>
/// <param name="RightStrip">White space after it belongs to it.</param>
/// <param name="SingleWord">It does not match inside a word.</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool LeftStrip = false, bool RightStrip = false, bool SingleWord = false);

/// <summary>Finds added tokens in text: the leftmost first, of several at one place the longest.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<char, AddedToken[]> _byFirst;
    private readonly SearchValues<char> _firsts;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
            _byId[token.Id] = token;
        _byFirst = _byId.Values.GroupBy(t => t.Content[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Content.Length).ToArray());
        _firsts = SearchValues.Create([.. _byFirst.Keys]);
    }

    public IEnumerable<AddedToken> All => _byId.Values;

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    /// <summary>The next added token in <paramref name="text"/> at or after <paramref name="start"/>, and where it stands.</summary>
    public AddedToken? Next(ReadOnlySpan<char> text, int start, out int position)
    {
        for (position = start; position < text.Length; position++)
        {
            var step = text[position..].IndexOfAny(_firsts);
            if (step < 0)
                break;
            position += step;
            foreach (var token in _byFirst[text[position]])
                if (text[position..].StartsWith(token.Content) && (!token.SingleWord || StandsAlone(text, position, token.Content.Length)))
                    return token;
        }
        position = text.Length;
        return null;
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int position, int length) =>
        (position == 0 || !IsWordChar(text[position - 1])) && (position + length == text.Length || !IsWordChar(text[position + length]));

    private static bool IsWordChar(char c) => char.IsLetterOrDigit(c) || c == '_' || char.IsSurrogate(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
