using System.Globalization;
using System.Text;

namespace Coppice.Tokenizers;

/// <summary>What stays of a character after canonical decomposition (NFD) without nonspacing marks: é becomes e.</summary>
/// <remarks>
/// <see cref="string.Normalize()"/> does nothing under InvariantGlobalization, so the decompositions come from CanonicalBases.txt,
/// derived from UnicodeData 14.0; Hangul syllables are computed (Unicode Standard, section 3.12). Characters are taken one by one:
/// the reordering of marks that NFD also does concerns marks that are dropped here.
/// </remarks>
internal static class CanonicalBases
{
    /// <summary>The most chars one code point can leave.</summary>
    public const int MaxLength = 6;

    private const int HangulFirst = 0xAC00, HangulCount = 11172, Vowels = 21, Trails = 28;

    private static readonly Lazy<Dictionary<int, string>> Bases = new(Load);

    /// <summary>Writes what stays of <paramref name="rune"/>, at most <see cref="MaxLength"/> chars, and returns how many.</summary>
    public static int Strip(Rune rune, Span<char> destination)
    {
        if (rune.Value < 0xC0)
            return rune.EncodeToUtf16(destination);
        var syllable = rune.Value - HangulFirst;
        if (syllable is >= 0 and < HangulCount)
            return Hangul(syllable, destination);
        if (Bases.Value.TryGetValue(rune.Value, out var bases))
        {
            bases.CopyTo(destination);
            return bases.Length;
        }
        return Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark ? 0 : rune.EncodeToUtf16(destination);
    }

    private static int Hangul(int syllable, Span<char> destination)
    {
        destination[0] = (char)(0x1100 + (syllable / (Vowels * Trails)));
        destination[1] = (char)(0x1161 + (syllable / Trails % Vowels));
        if (syllable % Trails == 0)
            return 2;
        destination[2] = (char)(0x11A7 + (syllable % Trails));
        return 3;
    }

    /// <summary>A line is a base (code points in hex, joined by +) and the characters that reduce to it.</summary>
    private static Dictionary<int, string> Load()
    {
        using var reader = new StreamReader(typeof(CanonicalBases).Assembly.GetManifestResourceStream("CanonicalBases.txt")!);
        var bases = new Dictionary<int, string>();
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            var text = string.Concat(fields[0].Split('+').Select(hex => char.ConvertFromUtf32(Convert.ToInt32(hex, 16))));
            foreach (var hex in fields[1..])
                bases.Add(Convert.ToInt32(hex, 16), text);
        }
        return bases;
    }
}
