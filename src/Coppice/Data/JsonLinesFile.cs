using System.Text;
using System.Text.Json;

namespace Coppice.Data;

/// <summary>Reads files of one JSON object a line in a stream: memory holds the longest line, not the file.</summary>
internal static class JsonLinesFile
{
    /// <summary>Longest line read, in bytes.</summary>
    public const int MaxLineBytes = 1 << 28;

    /// <summary>The member <c>text</c> of each line.</summary>
    /// <exception cref="InvalidDataException">A line is no JSON object with a text, or there is none; the message names file and
    /// line.</exception>
    public static IEnumerable<string> ReadTexts(string path)
    {
        var number = 0;
        var found = false;
        foreach (var line in Lines(path))
        {
            number++;
            var bytes = number == 1 && line.Span.StartsWith(Encoding.UTF8.Preamble) ? line[Encoding.UTF8.Preamble.Length..] : line;
            if (bytes.Span.Trim(" \t\r"u8).IsEmpty)
                continue;
            found = true;
            yield return Text(bytes.Span, $"'{path}', line {number}");
        }
        if (!found)
            throw new InvalidDataException($"'{path}' holds no document; each line must be a JSON object with a \"text\".");
    }

    private static string Text(ReadOnlySpan<byte> line, string place)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            var text = reader.Read() && reader.TokenType == JsonTokenType.StartObject ? TextMember(ref reader, place) : null;
            if (text is not null && !reader.Read()) // anything behind the object throws
                return text;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException(
                $"{place}: it is no JSON object from byte {error.BytePositionInLine} on; repair or remove the line.", error);
        }
        throw new InvalidDataException($"{place}: it is no JSON object with a string \"text\"; add the text or remove the line.");
    }

    /// <summary>Reads an object up to its end.</summary>
    private static string? TextMember(ref Utf8JsonReader reader, string place)
    {
        string? text = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isText = reader.ValueTextEquals("text"u8);
            reader.Read();
            if (isText && reader.TokenType == JsonTokenType.String)
                text = StringValue(ref reader, place);
            else
                reader.Skip();
        }
        return text;
    }

    private static string StringValue(ref Utf8JsonReader reader, string place)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidDataException(
                $"{place}: the \"text\" is not UTF-8, or holds half a surrogate pair; repair or remove the line.", error);
        }
    }

    /// <summary>The lines without their line feeds, each valid until the next is asked for.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> Lines(string path)
    {
        using var file = File.OpenRead(path);
        var buffer = new byte[1 << 16];
        var (filled, number) = (0, 1);
        while (true)
        {
            var read = file.Read(buffer, filled, buffer.Length - filled);
            var (start, searched) = (0, filled);
            filled += read;
            while (buffer.AsSpan(searched, filled - searched).IndexOf((byte)'\n') is >= 0 and var feed)
            {
                yield return buffer.AsMemory(start, searched + feed - start);
                start = searched += feed + 1;
                number++;
            }
            if (read == 0)
                break;
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
            if (filled == MaxLineBytes)
                throw new InvalidDataException($"'{path}', line {number}: it has more than {MaxLineBytes} bytes; split the document.");
            if (filled == buffer.Length)
                Array.Resize(ref buffer, 2 * buffer.Length);
        }
        if (filled > 0)
            yield return buffer.AsMemory(0, filled);
    }
}
