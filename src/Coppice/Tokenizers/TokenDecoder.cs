using System.Text;

namespace Coppice.Tokenizers;

/// <summary>Decodes ids one at a time; characters whose bytes are spread over several tokens come out whole.</summary>
/// <remarks>The pieces put together equal <see cref="Tokenizer.Decode"/> of all ids. Not thread-safe.</remarks>
public sealed class TokenDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private bool _first;

    internal TokenDecoder(Tokenizer tokenizer, bool skipSpecialTokens, bool continuation)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _first = !continuation;
    }

    /// <summary>The text that is complete with this id; may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string Append(int id)
    {
        if (_skipSpecialTokens && _tokenizer.IsSpecial(id))
            return "";
        var bytes = _tokenizer.Spell(id, _first);
        _first = false;
        return Decode(bytes, flush: false);
    }

    /// <summary>What is left at the end: U+FFFD for a character that never became complete, else nothing.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        // Bytes held back from earlier calls can add at most two chars.
        var chars = new char[bytes.Length + 2];
        return new string(chars, 0, _utf8.GetChars(bytes, chars, flush));
    }
}
