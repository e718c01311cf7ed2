using System.Globalization;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>BERT's basic tokenization: cleans text, sets ideographs apart, strips accents, lowers case, splits into words.</summary>
/// <param name="CleanText">Drops control characters, NUL and U+FFFD; any white space becomes a space.</param>
/// <param name="SpaceChinese">Makes each CJK ideograph a word of its own.</param>
/// <param name="StripAccents">Decomposes canonically (NFD) and drops nonspacing marks.</param>
/// <param name="LowerCase">Lowers case code point by code point, without regard to language or context.</param>
internal sealed record BertNormalizer(bool CleanText, bool SpaceChinese, bool StripAccents, bool LowerCase)
{
    public string Normalize(ReadOnlySpan<char> text)
    {
        var output = new StringBuilder(text.Length + 16);
        Span<char> stripped = stackalloc char[CanonicalBases.MaxLength];
        foreach (var rune in text.EnumerateRunes())
        {
            if (CleanText && IsDropped(rune))
                continue;
            var ideograph = SpaceChinese && IsIdeograph(rune);
            if (ideograph)
                output.Append(' ');
            if (CleanText && Rune.IsWhiteSpace(rune))
                output.Append(' ');
            else if (StripAccents)
                foreach (var part in stripped[..CanonicalBases.Strip(rune, stripped)].EnumerateRunes())
                    AppendCased(output, part);
            else
                AppendCased(output, rune);
            if (ideograph)
                output.Append(' ');
        }
        return output.ToString();
    }

    /// <summary>The runs between white space, each punctuation mark being a word of its own.</summary>
    public static IEnumerable<ReadOnlyMemory<char>> Words(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var width);
            var punctuation = IsPunctuation(rune);
            if (punctuation || Rune.IsWhiteSpace(rune))
            {
                if (i > start)
                    yield return text.AsMemory(start, i - start);
                if (punctuation)
                    yield return text.AsMemory(i, width);
                start = i + width;
            }
            i += width;
        }
        if (start < text.Length)
            yield return text.AsMemory(start);
    }

    private void AppendCased(StringBuilder output, Rune rune)
    {
        Span<char> chars = stackalloc char[2];
        if (!LowerCase)
            output.Append(chars[..rune.EncodeToUtf16(chars)]);
        // The one letter whose lower case is two code points.
        else if (rune.Value == 'İ')
            output.Append("i\u0307");
        else
            output.Append(chars[..Rune.ToLowerInvariant(rune).EncodeToUtf16(chars)]);
    }

    private static bool IsDropped(Rune rune) => rune.Value is 0 or 0xFFFD
        || (rune.Value is not ('\t' or '\n' or '\r') && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
            or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~')
        : Rune.IsPunctuation(rune);

    private static bool IsIdeograph(Rune rune) => rune.Value
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF)
        or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F)
        or (>= 0x2B820 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
