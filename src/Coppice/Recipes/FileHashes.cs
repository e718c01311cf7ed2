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

    /// <summary>Hashes of files, or of all files in folders, that a recipe reads, by their names from its folder; those of the data folder begin
    /// with its variable.</summary>
    public static SortedDictionary<string, string> OfInputs(IEnumerable<string> paths, RecipeFile recipe) =>
        Of(paths, path => recipe.IsData(path) ? $"${{{RecipeFile.DataVariable}}}/{Path.GetRelativePath(recipe.DataFolder!, path)}"
            : Path.GetRelativePath(Path.GetDirectoryName(recipe.Path)!, path));

    /// <summary>Hashes of files, or of all files in folders, that a run writes, by their names from its folder.</summary>
    public static SortedDictionary<string, string> OfOutputs(IEnumerable<string> paths, string folder) =>
        Of(paths, path => Path.GetRelativePath(folder, path));

    private static SortedDictionary<string, string> Of(IEnumerable<string> paths, Func<string, string> nameOf)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var path in paths.SelectMany(path => Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories) : [path]))
            hashes[nameOf(path).Replace('\\', '/')] = Of(path);
        return hashes;
    }
}
