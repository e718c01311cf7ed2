namespace Coppice.Data;

/// <summary>Plain text to measure perplexity on.</summary>
public static class TextCorpus
{
    /// <summary>Reads a UTF-8 text file whole. A byte order mark is dropped; everything else, line ends included, is kept.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty, not UTF-8, or larger than 1 GiB.</exception>
    public static string Read(string path) => Utf8File.Decode(Utf8File.Read(path).Span, $"'{path}'");
}
