using System.IO.Enumeration;

namespace Coppice.Pruning.Selection;

/// <summary>Matches full parameter names: <c>*</c> stands for any characters, dots included, <c>?</c> for one.</summary>
internal static class NameGlob
{
    private const int Suggestions = 3;

    /// <summary>Whether a name matches, letter case included.</summary>
    public static bool Matches(string glob, string name) =>
        // A backslash escapes in the framework's matcher; here it is a letter like others.
        FileSystemName.MatchesSimpleExpression(glob.Replace("\\", "\\\\", StringComparison.Ordinal), name, ignoreCase: false);

    /// <summary>The names most like a glob that matches nothing.</summary>
    public static IEnumerable<string> Nearest(string glob, IEnumerable<string> names)
    {
        var plain = glob.Replace("*", "", StringComparison.Ordinal).Replace("?", "", StringComparison.Ordinal);
        return names.OrderBy(name => Distance(plain, name)).ThenBy(name => name, StringComparer.Ordinal).Take(Suggestions);
    }

    /// <summary>Edits that turn one text into a part of the other: Levenshtein's distance with free ends in
    /// <paramref name="name"/>.</summary>
    private static int Distance(string plain, string name)
    {
        var previous = new int[name.Length + 1];
        var current = new int[name.Length + 1];
        for (var i = 1; i <= plain.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= name.Length; j++)
            {
                var replaced = previous[j - 1] + (plain[i - 1] == name[j - 1] ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }
            (previous, current) = (current, previous);
        }
        return previous.Min();
    }
}
