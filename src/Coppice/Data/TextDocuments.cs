namespace Coppice.Data;

/// <summary>Documents to train language models on.</summary>
public static class TextDocuments
{
    private static readonly string[] Extensions = [".jsonl", ".txt"];

    /// <summary>Reads documents one after the other, as they are asked for.</summary>
    /// <remarks>
    /// A <c>.jsonl</c> file holds one a line, as <c>{"text": "...", ...}</c>; other members, such as SlimPajama's <c>meta</c>, are passed
    /// over, and so are blank lines. Any other file is one document of UTF-8 text. Of a folder, all .jsonl and .txt files directly within
    /// are read in ordinal order of their names.
    /// </remarks>
    /// <param name="path">A file or a folder.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or no such file in the folder.</exception>
    /// <exception cref="InvalidDataException">While reading: a file is empty or malformed; the message names file and line.</exception>
    public static IEnumerable<string> Read(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path)
                ? ReadFile(path)
                : throw new FileNotFoundException($"There is no file '{path}'; check the path.", path);
        string[] files = [.. Directory.EnumerateFiles(path).Where(file => Extensions.Contains(Path.GetExtension(file)))
            .Order(StringComparer.Ordinal)];
        return files.Length > 0
            ? files.SelectMany(ReadFile)
            : throw new FileNotFoundException($"The folder '{path}' holds no file named *{string.Join(" or *", Extensions)}.", path);
    }

    private static IEnumerable<string> ReadFile(string path) =>
        Path.GetExtension(path) == Extensions[0] ? JsonLinesFile.ReadTexts(path) : [TextCorpus.Read(path)];
}
