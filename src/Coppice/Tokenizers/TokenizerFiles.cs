using System.Text;
using System.Text.Json;

namespace Coppice.Tokenizers;

/// <summary>Reads tokenizer files whole, within a size limit, and turns any malformation into one clear error.</summary>
internal static class TokenizerFiles
{
    private const long MaxBytes = 256L << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Parses a JSON file and hands its root, an object, to <paramref name="read"/>.</summary>
    public static T ReadJson<T>(string path, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(ReadText(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new TokenizerException($"{path}: expected a JSON object, found {document.RootElement.ValueKind}.");
            return read(document.RootElement);
        }
        // The others are what reading a value throws when it is of the wrong kind, too large, or half a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new TokenizerException($"{path}: not valid tokenizer JSON ({e.Message}). Fetch the file again.", e);
        }
    }

    /// <summary>The lines of a UTF-8 text file, without their ends.</summary>
    public static List<string> ReadLines(string path)
    {
        var lines = new List<string>();
        using var reader = new StringReader(ReadText(path));
        while (reader.ReadLine() is { } line)
            lines.Add(line);
        return lines;
    }

    private static string ReadText(string path)
    {
        var length = new FileInfo(path).Length;
        if (length > MaxBytes)
            throw new TokenizerException($"{path}: {length} bytes exceed the {MaxBytes} of a tokenizer file. Is it the right one?");
        try
        {
            return File.ReadAllText(path, StrictUtf8);
        }
        catch (DecoderFallbackException e)
        {
            throw new TokenizerException($"{path}: not UTF-8 ({e.Message}). Save the file as UTF-8.", e);
        }
    }

    /// <summary>A member of a JSON object, or null when absent or null.</summary>
    public static JsonElement? Member(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A member that must be there; the error it throws otherwise becomes <see cref="ReadJson"/>'s.</summary>
    public static JsonElement Required(this JsonElement element, string name) =>
        element.Member(name) ?? throw new FormatException($"\"{name}\" is missing");

    /// <summary>A boolean member, or <paramref name="absent"/> when there is none.</summary>
    public static bool Flag(this JsonElement element, string name, bool absent = false) => element.Member(name)?.GetBoolean() ?? absent;

    /// <summary>The "type" of a tokenizer.json component.</summary>
    public static string? Kind(this JsonElement element) => element.Member("type")?.GetString();
}
