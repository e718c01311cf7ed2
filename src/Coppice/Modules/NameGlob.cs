using System.IO.Enumeration;

namespace Coppice.Modules;

/// <summary>Matches full parameter names: <c>*</c> stands for any characters, dots included, <c>?</c> for one.</summary>
internal static class NameGlob
{
    /// <summary>Whether a name matches, letter case included.</summary>
    public static bool Matches(string glob, string name) =>
        // A backslash escapes in the framework's matcher; here it is a letter like others.
        FileSystemName.MatchesSimpleExpression(glob.Replace("\\", "\\\\", StringComparison.Ordinal), name, ignoreCase: false);

    /// <summary>The names most like a glob that matches nothing, quoted, for a message.</summary>
    public static string Nearest(string glob, IEnumerable<string> names) => NearestNames.Quoted(
        glob.Replace("*", "", StringComparison.Ordinal).Replace("?", "", StringComparison.Ordinal), names);
}
