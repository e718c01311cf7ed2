using System.Security.Cryptography;
using System.Text;

namespace Coppice.Recipes;

/// <summary>SHA-256 of files, in hexadecimal.</summary>
internal static class FileHashes
{
    public static string Of(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Hashes of files, or of all files in folders, by their names from a folder; those of the data folder begin with its
    /// variable.</summary>
    public static SortedDictionary<string, string> Of(IEnumerable<string> paths, string relativeTo)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in paths.SelectMany(path => Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories) : [path]))
            hashes[Name(path, relativeTo)] = Of(path);
        return hashes;
    }

    private static string Name(string path, string relativeTo)
    {
        var data = Path.GetRelativePath(RecipeFile.DataFolder, path);
        return (data.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(data)
            ? Path.GetRelativePath(relativeTo, path)
            : $"${{{RecipeFile.DataVariable}}}/{data}").Replace('\\', '/');
    }
}
