namespace Coppice.Modules;

/// <summary>Suggestions for a name that does not exist.</summary>
internal static class NearestNames
{
    private const int Suggestions = 3;

    /// <summary>The existing names most like a wrong one, quoted, for a message.</summary>
    public static string Quoted(string wrong, IEnumerable<string> names)
    {
        var nearest = names.OrderBy(name => Distance(wrong, name)).ThenBy(name => name, StringComparer.Ordinal).Take(Suggestions);
        return string.Join(", ", nearest.Select(name => $"'{name}'"));
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
