using System.Globalization;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>Cuts text into words exactly as GPT-2 does (Radford et al. 2019), by code points.</summary>
/// <remarks>
/// Same pieces as the expression <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> under Python's
/// <c>regex</c>. A .NET expression would see letters beyond the basic plane as two symbols, hence this scanner.
/// </remarks>
internal static class Gpt2Splitter
{
    private enum Kind { Space, Letter, Number, Other }

    /// <summary>Length in chars of the first piece of a text that is not empty.</summary>
    public static int NextLength(ReadOnlySpan<char> text)
    {
        if (text[0] == '\'' && Contraction(text) is var length and > 0)
            return length;
        var start = text[0] == ' ' && text.Length > 1 && !char.IsWhiteSpace(text[1]) ? 1 : 0;
        var kind = KindAt(text, start, out var width);
        var end = start + width;
        while (end < text.Length && KindAt(text, end, out width) == kind)
            end += width;
        // White space before a word leaves its last char to that word (or to a piece of its own).
        return kind == Kind.Space && end < text.Length && end > 1 ? end - 1 : end;
    }

    private static int Contraction(ReadOnlySpan<char> text)
    {
        if (text.Length > 1 && text[1] is 's' or 't' or 'm' or 'd')
            return 2;
        return text.Length > 2 && text[1..3] is "re" or "ve" or "ll" ? 3 : 0;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int index, out int width)
    {
        width = 1;
        var c = text[index];
        if (char.IsAscii(c))
            return char.IsAsciiLetter(c) ? Kind.Letter
                : char.IsAsciiDigit(c) ? Kind.Number
                : char.IsWhiteSpace(c) ? Kind.Space
                : Kind.Other;
        // Unicode's White_Space lies within the basic plane. Half a surrogate pair decodes to U+FFFD, of kind Other.
        if (char.IsWhiteSpace(c))
            return Kind.Space;
        Rune.DecodeFromUtf16(text[index..], out var rune, out width);
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
